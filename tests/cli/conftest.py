"""The command line as a person or a script meets it, and a small application for it to work on."""

from __future__ import annotations

import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from shell import Shell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOMS = ("schemas", "flows", "connectors")

SCHEMAS = """
    from raccordo.event import Contract

    class Placed(
        Contract, topic="orders", key="customer", owner="sales", business_keys=("order",), lanes=("order",)
    ):
        customer: str
        order: str

    class Booked(Contract, topic="bookings", key="customer", owner="sales", business_keys=("order",)):
        customer: str
        order: str

    CONTRACTS = (Placed, Booked)
"""

CONNECTORS = """
    import os

    from pydantic import Field, SecretStr

    from raccordo.connector import Connector, ConnectorConfig, DocumentRef, Finding, operation
    from raccordo.errors import Unavailable
    from raccordo.event import EventId
    from schemas import Placed

    class ErpConfig(ConnectorConfig, name="erp"):
        url: str = Field(description="Where the ERP listens.")
        password: SecretStr = Field(SecretStr("default-secret"), description="Its password.")
        units: dict[str, str] = Field({"C62": "PC"}, description="Its units by ours.")
        settle: float = Field(6.0, ge=0, description="Seconds until not found counts.")

    class Books:
        def __init__(self, config):
            self.config = config

        async def start(self):
            if self.config.url == "http://away":
                raise Unavailable("connection refused", system="erp")

        async def stop(self):
            pass

    class Erp(Connector[ErpConfig, Books]):
        '''Keeps the books.'''

        async def check(self):
            well = self.config.url != "http://broken"
            return [
                Finding("sign-in", ok=True, detail="signed in as raccordo"),
                Finding("order set", ok=well, detail="A_SalesOrder", remedy="activate the service"),
            ]

        @operation
        async def create_order(self, order: Placed, *, key: EventId) -> DocumentRef:
            return DocumentRef(document="500" + order.order)
"""

FLOWS = """
    from connectors.erp import Erp
    from raccordo.event import Event
    from raccordo.flow import flow
    from schemas import Booked, Placed

    @flow("order-to-erp", lane="order")
    async def order_to_erp(event: Event[Placed], erp: Erp) -> Booked:
        '''Every order is booked once.

        More is said below.
        '''
        await erp.create_order(event.data, key=event.id)
        return Booked(customer=event.data.customer, order=event.data.order)

    FLOWS = (order_to_erp,)
"""


@pytest.fixture
def raccordo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The command line in an empty folder, with nothing of this machine's environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("RACCORDO_KAFKA", "RACCORDO_TENANTS", "RACCORDO_LEDGER", "RACCORDO_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return Shell()


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with one flow from orders to an ERP, imported afresh."""
    folder = tmp_path / "application"
    for path, text in {
        "schemas/__init__.py": SCHEMAS,
        "connectors/__init__.py": "",
        "connectors/erp.py": CONNECTORS,
        "flows/__init__.py": FLOWS,
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(dedent(text), encoding="utf-8")
    before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in ROOMS}
    for name in before:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] in ROOMS]:
        del sys.modules[name]


@pytest.fixture
def ledger(raccordo: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a ledger file that commands and a line beside them share."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    monkeypatch.setenv("RACCORDO_LEDGER", url)
    return url
