"""SAP's counterpart: its faults act when they should, its ledger tells the truth, it survives a kill."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from raccordo.dev.sap import Fault, Kind, MockSap, booked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ORDERS = "/sap/opu/odata/sap/API_SALES_ORDER_SRV/A_SalesOrder"

pytestmark = pytest.mark.sap


class Client:
    """Posts orders as a client without any patience or care would."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def post(
        self, order_id: str, customer: str = "1000001", material: str = "TG11", timeout: float = 10
    ) -> httpx.Response:
        """Book an order with one item."""
        token = self.http.get(ORDERS.rpartition("/")[0] + "/", headers={"x-csrf-token": "Fetch"}).headers[
            "x-csrf-token"
        ]
        body = {
            "PurchaseOrderByCustomer": order_id,
            "SoldToParty": customer,
            "to_Item": [{"Material": material, "RequestedQuantity": "1"}],
        }
        return self.http.post(ORDERS, json=body, headers={"x-csrf-token": token}, timeout=timeout)


Connect = Callable[[str], Client]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Make clients that are closed after the test."""
    made: list[Client] = []

    def new(url: str) -> Client:
        made.append(Client(url))
        return made[-1]

    yield new
    for client in made:
        client.http.close()


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "raccordo.dev.sap", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        yield process, json.loads(process.stdout.readline())["url"]
    finally:
        process.kill()
        process.communicate()


def counts(database: Path) -> dict[str, int]:
    return {order_id: len(orders) for order_id, orders in booked(database).items()}


def test_the_ledger_counts_what_was_placed_and_nothing_it_came_with(connect: Connect) -> None:
    """In order of creation, twice where it was booked twice."""
    with MockSap() as sap:
        assert sap.orders() == {}
        client = connect(sap.url)
        numbers = [client.post(name).json()["d"]["SalesOrder"] for name in ("B", "A", "B")]
        assert {name: len(found) for name, found in sap.orders().items()} == {"A": 1, "B": 2}
        assert [order.document for order in sap.in_order()] == numbers
        assert sap.in_order()[0].items == 1


@pytest.mark.parametrize("kind", [Kind.DROP, Kind.CUT, Kind.GARBLE, Kind.GATEWAY, Kind.MESSAGE, Kind.SLOW])
def test_a_fault_after_the_commit_leaves_an_order(connect: Connect, kind: Kind) -> None:
    """Whatever the client sees."""
    with MockSap(faults=[Fault(kind)]) as sap:
        try:
            connect(sap.url).post("A")
        except httpx.TransportError:
            assert kind in (Kind.DROP, Kind.CUT)
        assert len(sap.orders()["A"]) == 1


@pytest.mark.parametrize("kind", [Kind.REFUSE, Kind.STATUS, Kind.SIGN_IN, Kind.REDIRECT, Kind.CSRF])
def test_a_fault_before_the_commit_leaves_none(connect: Connect, kind: Kind) -> None:
    """And the next request is served."""
    with MockSap(faults=[Fault(kind)]) as sap:
        connect(sap.url).post("A")
        assert sap.orders() == {}
        assert connect(sap.url).post("A").status_code == 201


def test_a_late_order_is_committed_although_nobody_waits(connect: Connect) -> None:
    """The client has gone before it is executed."""
    with MockSap() as sap:
        sap.fail("late", seconds=0.5)
        with pytest.raises(httpx.ReadTimeout):
            connect(sap.url).post("A", timeout=0.2)
        assert sap.orders() == {}
        until = time.monotonic() + 10
        while not sap.orders() and time.monotonic() < until:
            time.sleep(0.05)
        assert len(sap.orders()["A"]) == 1


def test_rules_match_the_content_and_act_once_for_each_order(connect: Connect) -> None:
    """Ids, customers and materials are sought in the body."""
    with MockSap(
        faults=[
            Fault(Kind.REFUSE, material="^MZ", times=0),
            Fault(Kind.STATUS, order_id="X", times=0, once_each=True),
        ]
    ) as sap:
        client = connect(sap.url)
        assert [
            client.post("X1").status_code,
            client.post("X2").status_code,
            client.post("X1").status_code,
        ] == [503, 503, 201]
        assert [client.post("Y", material="MZ-1").status_code for _ in range(2)] == [400, 400]
        assert client.post("Y").status_code == 201


def test_it_is_controlled_over_http(connect: Connect) -> None:
    """A demo in another process puts faults in force and reads the ledger."""
    with MockSap() as sap:
        client = connect(sap.url)
        assert (
            client.http.post("/_raccordo/faults", json={"kind": "refuse", "order_id": "A"}).status_code == 200
        )
        assert client.post("A").status_code == 400
        assert client.http.get("/_raccordo/faults").json()["faults"][0]["acted"] == 1
        assert client.http.delete("/_raccordo/faults").json() == {"faults": []}
        client.post("A")
        assert list(client.http.get("/_raccordo/orders").json()) == ["A"]
        for wrong in (
            '{"kind": "nothing"}',
            '{"kind": "drop", "what": 1}',
            '{"kind": "drop", "path": "("}',
            "{",
        ):
            assert client.http.post("/_raccordo/faults", content=wrong).status_code == 400
        assert client.http.post("/_raccordo/expire-tokens").status_code == 200
        assert client.http.get("/_raccordo/nothing").status_code == 404


def test_it_survives_a_kill(connect: Connect, tmp_path: Path) -> None:
    """What was committed is there after a restart, and the ledger can be read while nothing runs."""
    database = tmp_path / "sap.db"
    with running("--db", str(database), "--lost", "LOST") as (process, url):
        client = connect(url)
        client.post("A")
        with pytest.raises(httpx.TransportError):
            client.post("LOST-1")
        assert counts(database) == {"A": 1, "LOST-1": 1}
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert counts(database) == {"A": 1, "LOST-1": 1}
    with running("--db", str(database)) as (process, url):
        connect(url).post("B")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert counts(database) == {"A": 1, "LOST-1": 1, "B": 1}


def test_a_taken_port_and_a_bad_fault_are_a_sentence() -> None:
    """On standard error, with exit code 2."""
    with MockSap() as sap:
        port = sap.url.rpartition(":")[2]
        for arguments in (["--port", port], ["--fault", '{"kind": "nothing"}'], ["--fault", "{"]):
            command = [sys.executable, "-m", "raccordo.dev.sap", *arguments]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
            assert done.returncode == 2
            assert "Traceback" not in done.stderr
            assert done.stderr.strip()
