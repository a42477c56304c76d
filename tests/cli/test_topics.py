"""`raccordo topics` from a shell onto a real broker."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from brokers import publish
from raccordo.broker import Outgoing, Partition, Position
from raccordo.broker.kafka import connect
from raccordo.broker.settings import KafkaSettings
from raccordo.cli.exits import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from raccordo.broker import Admin
    from raccordo.broker import Broker as Port
    from raccordo.dev.choice import Broker
    from shell import Shell

pytestmark = pytest.mark.kafka


@pytest.fixture
def broker(kafka: Broker, unique: str, raccordo: Shell, monkeypatch: pytest.MonkeyPatch) -> Port:
    """A cluster that nobody else sees."""
    monkeypatch.setenv("RACCORDO_KAFKA", kafka.bootstrap)
    monkeypatch.setenv("RACCORDO_KAFKA_NAMESPACE", f"{unique}.")
    return connect(KafkaSettings(bootstrap=kafka.bootstrap, namespace=f"{unique}."))


def test_a_plan_is_shown_applied_and_then_empty(raccordo: Shell, application: Path, broker: Port) -> None:
    where = ("--app-dir", str(application))
    planned = raccordo.json("topics", "plan", *where, code=ExitCode.WRONG)
    assert [(change["topic"], change["owner"], change["action"]) for change in planned["changes"]] == [
        ("bookings", "sales", "create"),
        ("bookings.dead", "sales", "create"),
        ("orders", "sales", "create"),
        ("orders.dead", "sales", "create"),
    ]
    shown = raccordo("topics", "plan", *where)
    assert shown.exit_code == ExitCode.WRONG
    assert "orders.dead" in shown.stdout
    assert "cleanup.policy" in shown.stdout

    assert raccordo.json("topics", "apply", *where)["applied"]
    assert raccordo.json("topics", "plan", *where) == {"changes": [], "notes": []}
    assert "The topics are what the contracts say." in raccordo("topics", "apply", *where).stdout


def test_partitions_under_data_need_a_drain(raccordo: Shell, application: Path, broker: Port) -> None:
    where = ("--app-dir", str(application))
    raccordo.json("topics", "apply", *where)

    asyncio.run(publish(broker, Outgoing("orders", b"k", b"v")))
    schemas = application / "schemas" / "__init__.py"
    schemas.write_text(schemas.read_text().replace('topic="orders",', 'topic="orders", partitions=13,'))
    for name in [
        name for name in sys.modules if name.partition(".")[0] in {"schemas", "flows", "connectors"}
    ]:
        del sys.modules[name]

    refused = raccordo.json("topics", "apply", *where, code=ExitCode.REFUSED)
    assert "--drain" in refused["error"]["problems"][0]

    raccordo.json("ledger", "upgrade")
    done = raccordo.json("topics", "apply", "--drain", *where)
    assert [
        (change["topic"], change["action"]) for change in done["changes"] if change["topic"] == "orders"
    ] == [("orders", "add partitions")]


def test_a_stopped_flow_is_moved(raccordo: Shell, application: Path, broker: Port) -> None:
    raccordo.json("topics", "apply", "--app-dir", str(application))
    number = broker.partition_for(b"k", 12)

    async def prepare() -> None:
        await publish(broker, *(Outgoing("orders", b"k", b"v") for _ in range(3)))
        await with_admin(broker, Position(1, "ledger:7"))

    async def with_admin(broker: Port, position: Position) -> None:
        admin: Admin = broker.admin()
        await admin.seek("order-to-erp", {Partition("orders", number): position})
        await admin.stop()

    async def committed() -> Position:
        admin = broker.admin()
        found = await admin.committed("order-to-erp", "orders")
        await admin.stop()
        return found[Partition("orders", number)]

    asyncio.run(prepare())
    moved = raccordo.json("topics", "seek", "order-to-erp", f"orders/{number}", "end")
    assert moved == {"flow": "order-to-erp", "partition": f"orders/{number}", "before": 1, "now": 3}
    assert asyncio.run(committed()) == Position(3, "ledger:7")

    for wrong in (
        ("orders", "begin"),
        (f"orders/{number}", "4"),
        (f"orders/{number}", "soon"),
        ("orders/99", "begin"),
    ):
        raccordo.json("topics", "seek", "order-to-erp", *wrong, code=ExitCode.USAGE)
