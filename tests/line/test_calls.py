"""The calls of one event: each is made once, told apart from its neighbours, and never repeated in doubt."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from desk import QUICK, Config, Desk, Placed, Wire, desk, to_desk
from raccordo.connector import Connector, DocumentRef, operation
from raccordo.errors import Ambiguous, Locked, Missing, Rejected, Unauthorized
from raccordo.event import Event, EventId
from raccordo.flow import Flow, flow
from raccordo.testing import line
from stories import stories, story

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

ORDER = Placed(customer="c", number="1")


class FilingConfig(Config, name="filing"):
    """Settings of the filing cabinet."""


class Filing(Connector[FilingConfig, Wire]):
    """A second system: files orders, and knows customers."""

    @operation
    async def create_file(self, order: Placed, *, key: EventId) -> DocumentRef:
        """File."""
        return DocumentRef(document=await self.wire.book(order, key))

    @create_file.look
    async def find_file(self, order: Placed, *, key: EventId) -> DocumentRef | None:
        """Was it filed after all?"""
        found = await self.wire.find(order)
        return DocumentRef(document=found) if found else None

    @operation
    async def find_customer(self, number: str) -> DocumentRef | None:
        """Find a customer."""
        return await self.get_customer(number)

    @operation
    async def get_customer(self, number: str) -> DocumentRef:
        """Get a customer who has to be there."""
        if number == "unknown":
            raise Missing("no such customer")
        return DocumentRef(document=number)


def filing() -> Filing:
    config = FilingConfig()
    return Filing(config, Wire(config))


@flow("twice", lane="number", retry=QUICK)
async def twice(event: Event[Placed], desk: Desk) -> None:
    """Books an order, then a second one of the same kind."""
    await desk.create_order(event.data, key=event.id)
    second = event.data.model_copy(update={"number": f"{event.data.number}-again"})
    await desk.create_order(second, key=event.id)


async def test_two_calls_of_one_kind_are_two_effects_with_keys_of_their_own() -> None:
    system = desk()
    async with line(twice, system) as running:
        await running.publish(ORDER)
        assert [number for number, _, _ in system.wire.booked] == ["1", "1-again"]
        assert len(set(system.wire.keys)) == 2


async def test_a_second_call_that_fails_never_repeats_the_first() -> None:
    system = desk(settle=0.1)
    system.wire.faults = lambda number, attempt: (
        Locked("in use") if number == "1-again" and attempt < 4 else None
    )
    system.wire.losses = lambda number, attempt: (
        Ambiguous("cut") if number == "1-again" and attempt == 4 else None
    )
    async with line(twice, system) as running:
        await running.publish(ORDER)
        await running.emptied()
        assert system.wire.attempts["1", 0] == 1
        assert system.wire.attempts["1-again", 0] == 4
        assert [number for number, _, _ in system.wire.booked] == ["1", "1-again"]


async def test_a_crash_between_two_calls_repeats_neither(tmp_path: Path) -> None:
    """The process goes away inside the second call; the next one gives the first call its stored answer."""
    ledger = f"sqlite:///{tmp_path / 'ledger.db'}"
    system = desk(settle=0.2)

    def hold_the_next(_number: str, _attempt: int) -> None:
        system.wire.gate.clear()

    system.wire.losses = hold_the_next
    async with line(twice, system, ledger=ledger) as running:
        await running.publish(ORDER, settle=False)
        async with asyncio.timeout(10):
            while not system.wire.attempts["1-again", 0]:
                await asyncio.sleep(0.01)
        for lanes in running._members[0].lanes.values():
            await lanes.drop()
    system.wire.gate.set()
    system.wire.losses = lambda _number, _attempt: None
    async with line(twice, system, ledger=ledger) as running:
        await running.publish(ORDER)
        await running.emptied()
        assert [number for number, _, _ in system.wire.booked] == ["1", "1-again"]
        assert system.wire.attempts["1", 0] == 1


def _renamed() -> Flow[Any, Any]:
    @flow("to-desk-by-another-name", lane="number", retry=QUICK)
    async def renamed(event: Event[Placed], desk: Desk) -> None:
        """The flow of yesterday under the name of today."""
        await desk.create_order(event.data, key=event.id)

    return renamed


async def test_a_flow_under_a_new_name_books_nothing_again(tmp_path: Path) -> None:
    """The key of an effect does not depend on the flow: a rename that reads everything again has no second effect."""
    ledger = f"sqlite:///{tmp_path / 'ledger.db'}"
    system = desk()
    orders = [Placed(customer="c", number=f"n{number}") for number in range(10)]
    async with line(to_desk, system, ledger=ledger) as running:
        ids = await running.publish(*orders)
    async with line(_renamed(), system, ledger=ledger) as running:
        await running.publish(*orders, ids=tuple(ids))
        assert [found.state for found in await stories(running, "n3")] == ["confirmed", "confirmed"]
    assert len(system.wire.booked) == 10


async def test_a_doubt_under_the_old_name_is_looked_up_under_the_new_one(tmp_path: Path) -> None:
    ledger = f"sqlite:///{tmp_path / 'ledger.db'}"
    system = desk(settle=600.0)
    system.wire.losses = lambda _number, _attempt: Ambiguous("cut")
    system.wire.look_faults = lambda _number, _looks: Locked("in use")
    async with line(to_desk, system, ledger=ledger) as running:
        (event_id,) = await running.publish(ORDER)
    system.wire.look_faults = lambda _number, _looks: None
    async with line(_renamed(), system, ledger=ledger) as running:
        await running.publish(ORDER, ids=(event_id,))
        await running.emptied()
    assert system.wire.attempts["1", 0] == 1


@flow("twice", lane="number", retry=QUICK)
async def only_the_second_now(event: Event[Placed], filing: Filing) -> None:
    """The next release of a flow: it no longer asks the desk."""
    await filing.create_file(event.data, key=event.id)


async def test_a_doubt_that_this_release_does_not_come_to_goes_to_a_person(tmp_path: Path) -> None:
    """Nobody knows whether the desk has booked it, and nothing will ever ask the desk again."""
    ledger = f"sqlite:///{tmp_path / 'ledger.db'}"
    system = desk(settle=600.0)
    system.wire.losses = lambda _number, _attempt: Ambiguous("cut")
    system.wire.look_faults = lambda _number, _looks: Locked("in use")
    async with line(twice, system, ledger=ledger) as running:
        (event_id,) = await running.publish(ORDER)
    async with line(only_the_second_now, filing(), ledger=ledger) as running:
        await running.publish(ORDER, ids=(event_id,))
        async with asyncio.timeout(10):
            while (now := await story(running, "1")).state != "needs_human":
                await asyncio.sleep(0.01)
        assert "an earlier release" in now.reason
        assert running.dead() == []


@flow("reading", lane="number", retry=QUICK)
async def reading(event: Event[Placed], filing: Filing) -> None:
    """Files an order under its customer, or under nobody."""
    found = await filing.find_customer(event.data.customer)
    number = found.document if found else "nobody"
    await filing.create_file(event.data.model_copy(update={"customer": number}), key=event.id)


@flow("needing", lane="number", retry=QUICK)
async def needing(event: Event[Placed], filing: Filing) -> None:
    """Files an order under its customer, who has to be there."""
    await filing.get_customer(event.data.customer)


async def test_find_gives_none_for_what_is_missing_and_get_ends_the_event() -> None:
    system = filing()
    async with line(reading, system) as running:
        await running.publish(Placed(customer="unknown", number="1"), Placed(customer="k", number="2"))
        assert sorted(customer for _, _, customer in system.wire.booked) == ["k", "nobody"]
    async with line(needing, filing()) as running:
        await running.publish(Placed(customer="unknown", number="1"))
        assert (await story(running, "1")).error == "Missing"


async def test_a_look_that_is_refused_goes_to_a_person() -> None:
    system = desk()
    system.wire.losses = lambda _number, _attempt: Ambiguous("cut")
    system.wire.look_faults = lambda _number, _looks: Rejected("may not search")
    async with line(to_desk, system) as running:
        await running.publish(ORDER)
        async with asyncio.timeout(10):
            while (now := await story(running, "1")).state != "needs_human":
                await asyncio.sleep(0.01)
        assert "may not search" in now.reason
        assert system.wire.attempts["1", 0] == 1


async def test_a_look_that_cannot_be_made_now_is_made_later() -> None:
    system = desk(settle=0.1)
    system.wire.losses = lambda _number, attempt: Ambiguous("cut") if attempt == 1 else None
    system.wire.look_faults = lambda _number, looks: Locked("in use") if looks < 3 else None
    async with line(to_desk, system) as running:
        await running.publish(ORDER)
        await running.emptied()
        assert (system.wire.count("1"), system.wire.attempts["1", 0]) == (1, 1)


@pytest.mark.parametrize(("repeatable", "patient"), [(True, False), (False, True)])
async def test_what_the_system_repeats_once_is_sent_again_after_a_look_without_waiting_for_settle(
    repeatable: bool, patient: bool
) -> None:
    system = desk(settle=60.0)

    def lose(_number: str, attempt: int) -> Exception | None:
        if attempt > 1:
            return None
        error = Ambiguous("cut")
        error.repeatable = repeatable
        return error

    system.wire.faults = lose
    async with line(to_desk, system) as running:
        await running.publish(ORDER)
        await asyncio.sleep(1.0)
        assert system.wire.looks, "it is asked first, always"
        assert system.wire.count("1") == (0 if patient else 1)


async def test_no_look_is_taken_for_an_answer_while_credentials_are_wrong() -> None:
    system = desk(settle=0.0)
    system.wire.losses = lambda _number, _attempt: Ambiguous("cut")
    system.wire.look_faults = lambda _number, _looks: Unauthorized("401")
    async with line(to_desk, system) as running:
        await running.publish(ORDER)
        async with asyncio.timeout(10):
            while not system.wire.looks:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        assert system.wire.attempts["1", 0] == 1
        assert running.line.systems["desk"].open
        assert (await story(running, "1")).state in ("parked", "claimed")
