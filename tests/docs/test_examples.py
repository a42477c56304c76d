"""Every example of the documents is tried: Python is run, JSON is read, commands are called."""

from __future__ import annotations

import asyncio
import inspect
import re
import shlex
import sys
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

from connectors.sap import SapConfig, SapOrders
from demo.orders import BLOCKED, order
from documents import ROOT, Block, blocks
from flows.order_to_sap import order_to_sap
from raccordo.broker.memory import MemoryBroker
from raccordo.cli import publish, services
from raccordo.dev.sap import MockSap
from raccordo.dev.sap.environment import environment_for
from raccordo.event_file import EventFile
from raccordo.flow import Flow
from raccordo.testing import line
from schemas import OrderCreated
from shell import Shell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STARTED_ELSEWHERE = ("make", "raccordo run", "raccordo dev")
"""What lives on or takes minutes: the names are checked beside this module, and the demo has tests of its own."""

SOMETHING_TO_DO = {"raccordo topics plan": 1}
"""Commands that end with another code than 0 when all is well."""


def test_every_block_is_of_a_kind_that_is_tried() -> None:
    """`text` is for pictures and for commands that change what a reader has to decide on."""
    assert {block.language for block in blocks()} <= {"python", "json", "console", "text"}
    assert len(blocks("python")) >= 2
    assert len(blocks("console")) >= 5


@pytest.fixture(scope="module")
def sap_system() -> Iterator[MockSap]:
    with MockSap() as running:
        yield running


@pytest.fixture
def sap(sap_system: MockSap) -> SapOrders:
    return SapOrders.open(SapConfig(**sap_system.settings(), settle=6.0))


@pytest.mark.sap
@pytest.mark.parametrize("block", blocks("python"), ids=str)
async def test_a_block_of_python_runs(block: Block, sap: SapOrders) -> None:
    """Its flows are wired, its tests pass; a test gets what it asks for by name, as from pytest."""
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(block.text, str(block), "exec"), names)  # noqa: S102 - our own documents
    given = {"sap": sap, "order": order("README-1", "1000001")}
    for flow in [one for one in names.values() if isinstance(one, Flow)]:
        assert flow.wiring.contract
    for test in [one for name, one in names.items() if name.startswith("test_")]:
        await test(**{name: given[name] for name in inspect.signature(test).parameters})


def test_the_flow_of_the_readme_is_the_flow_that_runs() -> None:
    (shown,) = [block for block in blocks("python") if "@flow(" in block.text]
    assert shown.text in (ROOT / "flows/order_to_sap.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_a_block_of_json_keeps_its_contract(block: Block) -> None:
    (read,) = list(
        EventFile(BytesIO(block.text.encode()), OrderCreated, tenants={"default"}, tenant="default")
    )
    assert read.problems == ()
    assert read.event is not None
    assert read.event.record_key == "default:1000001"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory, sap_system: MockSap) -> str:
    """A ledger that has seen order 4711, whose answer was lost, and order 4712, which SAP refused."""
    address = f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.db'}"

    async def happened() -> None:
        connector = SapOrders.open(SapConfig(**sap_system.settings(), settle=6.0))
        async with line(order_to_sap, connector, ledger=address) as running:
            await running.publish(order("4711", "1000001"), order("4712", BLOCKED))
            await running.emptied()

    sap_system.fail("drop", order_id="4711")
    sap_system.fail("refuse", customer=BLOCKED, code="V1/302", message="Customer is blocked for sales")
    asyncio.run(happened())
    return address


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sap_system: MockSap, ledger: str
) -> tuple[Shell, MemoryBroker]:
    """A reader's folder, with settings for a counterpart of SAP, a ledger, and the memory broker instead of Kafka."""
    for room in ("flows", "connectors", "schemas"):
        (tmp_path / room).symlink_to(ROOT / room)
    (tmp_path / "orders.jsonl").write_text("".join(block.text for block in blocks("json")), encoding="utf-8")
    settings = {"RACCORDO_LEDGER": ledger, "RACCORDO_KAFKA": "127.0.0.1:9"} | environment_for(sap_system.url)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    broker = MemoryBroker()
    for module in (services, publish):
        monkeypatch.setattr(module, "broker", lambda: broker)
    return Shell(), broker


@pytest.mark.sap
@pytest.mark.parametrize("block", blocks("console"), ids=str)
def test_a_block_of_commands_can_be_typed(block: Block, desk: tuple[Shell, MemoryBroker]) -> None:
    """Each command ends well, and prints the lines that are shown, in their order; `…` stands for anything."""
    shell, _ = desk
    for command, expected in _commands(block):
        if command.startswith(STARTED_ELSEWHERE):
            continue
        words = shlex.split(command)
        assert words[0] == "raccordo", f"{block}: {command}"
        result = shell(*words[1:])
        assert result.exit_code == SOMETHING_TO_DO.get(command, 0), f"{block}: {command}\n{result.output}"
        _holds(result.stdout, expected, f"{block}: {command}")


@pytest.mark.sap
def test_what_the_readme_publishes_arrives(desk: tuple[Shell, MemoryBroker]) -> None:
    """Its JSON lines, its topic, its key."""
    shell, broker = desk
    (block,) = [one for one in blocks("console") if "raccordo publish" in one.text]
    for command, _ in _commands(block):
        assert shell(*shlex.split(command)[1:]).exit_code == 0
    keys = [record.key for log in broker.logs.values() for record in log.read(log.begin, log.end - log.begin)]
    assert keys == [b"default:1000001"]


def _commands(block: Block) -> list[tuple[str, list[str]]]:
    """The commands of a block, each with the lines that follow it."""
    found: list[tuple[str, list[str]]] = []
    for text in block.text.splitlines():
        if text.startswith("$ "):
            found.append((text.removeprefix("$ "), []))
        else:
            found[-1][1].append(text)
    return found


def _holds(output: str, expected: list[str], where: str) -> None:
    """Require every expected line in the output, in this order; runs of spaces count as one."""
    lines = iter([" ".join(text.split()) for text in output.splitlines()])
    for wanted in expected:
        pattern = ".*".join(re.escape(part) for part in " ".join(wanted.split()).split("…"))
        assert any(re.search(pattern, text) for text in lines), f"{where} does not print: {wanted}\n{output}"
