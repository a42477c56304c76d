from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from desk import Desk, Placed, blind_desk, desk, to_blind_desk
from raccordo.errors import Ambiguous, Unavailable
from raccordo.event import Event
from raccordo.flow import flow
from raccordo.patience import Backoff
from raccordo.testing import line

if TYPE_CHECKING:
    from shell import Shell


@flow("patient", lane="number", retry=Backoff(first=3600.0, cap=3600.0))
async def patient(event: Event[Placed], desk: Desk) -> None:
    """Every order is booked once, if need be an hour later."""
    await desk.create_order(event.data, key=event.id)


def away() -> Desk:
    """A desk that does not answer."""
    system = desk()
    system.wire.faults = lambda _number, _attempt: Unavailable("SAP is being backed up")
    return system


def orders(number: str = "4711", customer: str = "c") -> list[Placed]:
    return [Placed(customer=customer, number=number, seq=seq) for seq in range(3)]


async def park(ledger: str, *placed: Placed) -> None:
    """Let orders wait for an hour."""
    async with line(patient, away(), ledger=ledger) as running:
        await running.publish(*placed)


def test_lanes_are_listed_with_reason_and_time(raccordo: Shell, ledger: str) -> None:
    """One line a lane, however much waits in it."""
    asyncio.run(park(ledger, *orders()))
    (lane,) = raccordo.json("parked", "list")
    assert lane["lane"] == "default:c/4711"
    assert lane["why"] == "retry"
    assert lane["waiting"] == 3
    result = raccordo("parked", "list")
    assert "SAP is being backed up" in result.stdout
    assert "tries again" in result.stdout
    assert raccordo.json("parked", "list", "--flow", "another") == []
    assert raccordo.json("parked", "list", "--blocked") == []


def test_more_lanes_than_a_page_are_listed_once_each(raccordo: Shell, ledger: str, monkeypatch: Any) -> None:
    """And --limit ends the list with a hint."""
    asyncio.run(park(ledger, *(Placed(customer="c", number=str(number)) for number in range(7))))
    monkeypatch.setattr("raccordo.cli.parked.PAGE", 3)
    names = [lane["lane"] for lane in raccordo.json("parked", "list")]
    assert sorted(names) == [f"default:c/{number}" for number in range(7)]
    result = raccordo("parked", "list", "--limit", "5")
    assert "--limit" in result.stderr


def test_a_lane_is_shown_with_what_waits_in_it_in_order(raccordo: Shell, ledger: str) -> None:
    """Bodies only when asked for."""
    asyncio.run(park(ledger, *orders()))
    answer = raccordo.json("parked", "show", "4711")
    assert [record["role"] for record in answer["records"]] == ["parked", "queued", "queued"]
    assert "value" not in answer["records"][0]
    assert raccordo.json("parked", "show", "default:c/4711", "--body")["records"][0]["value"]["text"]
    assert "queued" in raccordo("parked", "show", "4711").stdout


def test_a_lane_that_nobody_knows_or_several_share_is_wrong_usage(raccordo: Shell, ledger: str) -> None:
    """The error says which lanes are called so."""
    asyncio.run(park(ledger, *orders(), *orders(customer="d")))
    unknown = raccordo("parked", "show", "4712")
    assert unknown.exit_code == 2
    assert "parked list" in unknown.stderr
    several = raccordo("parked", "show", "4711")
    assert several.exit_code == 2
    assert "default:d/4711" in several.stderr
    assert raccordo("parked", "show", "default:d/4711").exit_code == 0


async def test_a_released_lane_is_tried_now_and_drains_in_order(raccordo: Shell, ledger: str) -> None:
    """Nobody waits for the hour that was named when the system is back."""
    await park(ledger, *orders())
    system = desk()
    async with line(patient, system, ledger=ledger) as running:
        await asyncio.sleep(0.1)
        assert system.wire.booked == []
        words = ("parked", "release", "4711", "--now", "--reason", "SAP is back", "--yes")
        answer = await asyncio.to_thread(raccordo.json, *words)
        assert answer["done"]
        await running.emptied()
    assert [seq for _, seq, _ in system.wire.booked] == [0, 1, 2]


async def test_a_skipped_head_stays_with_the_dead_letters_and_the_others_go_on(
    raccordo: Shell, ledger: str
) -> None:
    """What will happen is said before it is asked for."""
    await park(ledger, *orders())
    words = ("parked", "release", "4711", "--skip-head", "--reason", "entered by hand")
    asked = await asyncio.to_thread(raccordo, *words)
    assert asked.exit_code == 2
    assert "give offset" in asked.stderr
    assert "--yes" in asked.stderr
    assert (await asyncio.to_thread(raccordo, *words, "--yes", "--actor", "anna")).exit_code == 0
    (letter,) = await asyncio.to_thread(raccordo.json, "dead", "list")
    assert letter["error"] == "Skipped"
    assert "anna" in letter["reason"]
    system = desk()
    async with line(patient, system, ledger=ledger) as running:
        await running.emptied()
    assert [seq for _, seq, _ in system.wire.booked] == [1, 2]


def test_one_way_of_release_has_to_be_said(raccordo: Shell, ledger: str) -> None:
    """Neither or both is wrong usage, and so is no reason."""
    asyncio.run(park(ledger, *orders()))
    for ways in ((), ("--now", "--skip-head")):
        assert raccordo("parked", "release", "4711", *ways, "--reason", "x", "--yes").exit_code == 2
    assert raccordo("parked", "release", "4711", "--now", "--yes").exit_code == 2
    (lane,) = raccordo.json("parked", "list")
    assert lane["why"] == "retry"


def test_a_head_in_doubt_is_not_tried_again(raccordo: Shell, ledger: str) -> None:
    """Exit code 4: first somebody finds out what became of it."""

    async def doubt() -> None:
        blind = blind_desk()
        blind.wire.losses = lambda _number, _attempt: Ambiguous("cut")
        async with line(to_blind_desk, blind, ledger=ledger) as running:
            await running.publish(Placed(customer="c", number="4711"))

    asyncio.run(doubt())
    result = raccordo("parked", "release", "4711", "--now", "--reason", "x", "--yes")
    assert result.exit_code == 4
    assert "in doubt" in result.stderr
