from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

from desk import Booked, Placed, blind_desk, desk, to_blind_desk, to_desk
from raccordo.errors import Ambiguous, Rejected, Unavailable
from raccordo.testing import line

if TYPE_CHECKING:
    from shell import Shell


async def carried(ledger: str, *orders: Placed, **faults: Any) -> None:
    """Carry orders through a line over this ledger; `faults` and `losses` are what the desk does."""
    system = desk()
    for name, fault in faults.items():
        setattr(system.wire, name, fault)
    async with line(to_desk, system, ledger=ledger) as running:
        await running.publish(*orders)
        if "faults" not in faults:
            await running.emptied()


def lost(_number: str, attempt: int) -> Exception | None:
    return Ambiguous("connection cut after sending") if attempt == 1 else None


def test_an_order_whose_answer_was_lost_tells_its_whole_way(raccordo: Shell, ledger: str) -> None:
    """Published, claimed, sent, answer lost, looked up, confirmed with its document, and what it led to."""
    asyncio.run(carried(ledger, Placed(customer="c", number="4711"), losses=lost))
    (story,) = raccordo.json("why", "4711")
    steps = [entry["step"] for entry in story["timeline"]]
    order = ("published", "claimed", "sent", "answer lost", "found", "confirmed")
    assert [step for step in steps if step in order and step][:6] == list(order)
    assert story["state"] == "confirmed"
    assert story["calls"][0]["document"] == "D-4711-0"
    assert story["said"][0]["topic"] == "booked"
    assert story["said"][0]["published_at"]
    result = raccordo("why", "4711")
    assert result.exit_code == 0
    for words in ("number 4711", "is done", "D-4711-0", "answer lost", "└── Booked"):
        assert words in result.stdout


def test_the_document_number_finds_the_order(raccordo: Shell, ledger: str) -> None:
    """The ERP's people ask with their own number."""
    asyncio.run(carried(ledger, Placed(customer="c", number="4711")))
    (story,) = raccordo.json("why", "D-4711-0")
    assert ["number", "4711"] in story["business_keys"]


def test_every_event_of_an_order_is_told(raccordo: Shell, ledger: str) -> None:
    """An order that was placed and changed is two events."""
    orders = [Placed(customer="c", number="4711", seq=seq) for seq in (0, 1)]
    asyncio.run(carried(ledger, *orders))
    assert len(raccordo.json("why", "4711")) == 2


def test_what_waits_says_why_and_until_when(raccordo: Shell, ledger: str) -> None:
    """A person reads the system's own sentence."""

    async def away() -> None:
        system = desk()
        system.wire.faults = lambda _number, _attempt: Unavailable("SAP is being backed up")
        async with line(to_desk, system, ledger=ledger) as running:
            await running.publish(Placed(customer="c", number="4711"))

    asyncio.run(away())
    result = raccordo("why", "4711")
    assert "waits" in result.stdout
    assert "SAP is being backed up" in result.stdout
    assert "until 2" in result.stdout


def test_a_refusal_and_a_doubt_say_what_to_know(raccordo: Shell, ledger: str) -> None:
    """Refused with the system's reason; in doubt until a person has looked."""

    async def play() -> None:
        refusing = desk()
        refusing.wire.faults = lambda _number, _attempt: Rejected("customer is blocked")
        async with line(to_desk, refusing, ledger=ledger) as running:
            await running.publish(Placed(customer="c", number="refused"))
        blind = blind_desk()
        blind.wire.losses = lost
        async with line(to_blind_desk, blind, ledger=ledger) as running:
            await running.publish(Placed(customer="c", number="doubtful"))

    asyncio.run(play())
    assert "customer is blocked" in raccordo("why", "refused").stdout
    assert "needs a person" in raccordo("why", "doubtful").stdout


def test_an_unknown_key_says_where_it_was_looked_for(raccordo: Shell, ledger: str) -> None:
    """Exit code 1, an empty list for machines, and the places for people."""
    asyncio.run(carried(ledger, Placed(customer="c", number="4711")))
    result = raccordo("why", "4712")
    assert result.exit_code == 1
    assert "4712" in result.stderr
    assert "document numbers" in result.stderr
    assert "ledger.db" in result.stderr
    assert raccordo.json("why", "4712", code=1) == []


def test_another_tenant_s_event_is_not_told(raccordo: Shell, ledger: str, monkeypatch: Any) -> None:
    """--tenant narrows; a tenant that is not configured is refused."""
    asyncio.run(carried(ledger, Placed(customer="c", number="4711")))
    monkeypatch.setenv("RACCORDO_TENANTS", "default,acme")
    assert raccordo("why", "4711", "--tenant", "acme").exit_code == 1
    assert raccordo("why", "4711", "--tenant", "default").exit_code == 0
    assert raccordo("why", "4711", "--tenant", "evil").exit_code == 2


def test_without_a_ledger_the_command_that_makes_one_is_named(raccordo: Shell, ledger: str) -> None:
    """Looking makes no tables."""
    result = raccordo("why", "4711")
    assert result.exit_code == 2
    assert "raccordo ledger upgrade" in result.stderr


async def test_follow_tells_each_step_and_ends_with_the_event(raccordo: Shell, ledger: str) -> None:
    """It runs beside a worker and stops by itself."""
    reached = asyncio.Event()

    class Gate(asyncio.Event):
        """Tells when somebody waits before it."""

        async def wait(self) -> Literal[True]:
            reached.set()
            return await super().wait()

    system = desk()
    system.wire.gate = Gate()
    async with line(to_desk, system, ledger=ledger) as running:
        await running.publish(Placed(customer="c", number="4711"), settle=False)
        await reached.wait()
        following = asyncio.create_task(asyncio.to_thread(raccordo, "why", "4711", "--follow"))
        await asyncio.sleep(0.5)
        assert not following.done()
        system.wire.gate.set()
        result = await asyncio.wait_for(following, 20)
        assert running.published(Booked)
    assert result.exit_code == 0
    assert result.stderr.count("  claimed  ") == 1
    assert "confirmed" in result.stderr


def test_what_came_from_outside_cannot_steer_the_terminal(raccordo: Shell, ledger: str) -> None:
    """Escape sequences in a number are shown, not obeyed."""
    asyncio.run(carried(ledger, Placed(customer="c", number="\x1b[31mred")))
    result = raccordo("why", "\x1b[31mred")
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    assert r"\x1b[31mred" in result.stdout
