from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from desk import Placed, blind_desk, to_blind_desk
from raccordo.errors import Ambiguous
from raccordo.testing import line

if TYPE_CHECKING:
    from shell import Shell


async def doubt(ledger: str, *numbers: str) -> None:
    """Lose the answers of a system that cannot be asked."""
    blind = blind_desk()
    blind.wire.losses = lambda _number, _attempt: Ambiguous("cut")
    async with line(to_blind_desk, blind, ledger=ledger) as running:
        await running.publish(*(Placed(customer="c", number=number) for number in numbers))


def test_a_doubt_is_listed_and_shown_with_the_call(raccordo: Shell, ledger: str) -> None:
    """System, operation, time and key: what a person needs to look there."""
    asyncio.run(doubt(ledger, "4711"))
    (listed,) = raccordo.json("doubts", "list")
    shown = raccordo.json("doubts", "show", "4711")
    assert listed == shown
    (call,) = shown["calls"]
    assert (call["system"], call["operation"], call["state"]) == ("desk", "create_order", "unknown")
    for words in (("list",), ("show", listed["id"]), ("show", listed["event_id"])):
        result = raccordo("doubts", *words)
        assert result.exit_code == 0
        assert "4711" in result.stdout
    assert call["key"] in raccordo("doubts", "show", "4711").stdout


async def test_a_call_that_was_done_is_confirmed_and_not_sent_again(raccordo: Shell, ledger: str) -> None:
    """Its document is found by `why`, and the event ends."""
    await doubt(ledger, "4711")
    words = ("doubts", "settle", "4711", "--done", "D-77", "--reason", "found it", "--yes")
    assert (await asyncio.to_thread(raccordo.json, *words))["done"]
    blind = blind_desk()
    async with line(to_blind_desk, blind, ledger=ledger) as running:
        await running.emptied()
    assert blind.wire.booked == []
    (story,) = await asyncio.to_thread(raccordo.json, "why", "D-77")
    assert story["state"] == "confirmed"


async def test_a_call_that_was_not_done_is_sent_again_with_the_same_key(raccordo: Shell, ledger: str) -> None:
    """A person has looked where no machine can."""
    await doubt(ledger, "4711")
    before = (await asyncio.to_thread(raccordo.json, "doubts", "show", "4711"))["calls"][0]["key"]
    words = ("doubts", "settle", "4711", "--not-done", "--reason", "not there", "--yes")
    assert (await asyncio.to_thread(raccordo, *words)).exit_code == 0
    blind = blind_desk()
    async with line(to_blind_desk, blind, ledger=ledger) as running:
        await running.emptied()
    assert blind.wire.keys == [before]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("4711", "--yes"), "--reason"),
        (("4711", "--yes", "--reason", "x"), "--not-done"),
        (("4711", "--yes", "--reason", "x", "--done", "1", "--not-done"), "--not-done"),
        (("4711", "--yes", "--reason", "x", "--done", ""), "number"),
        (("4711", "--reason", "x", "--not-done"), "--yes"),
        (("4712", "--yes", "--reason", "x", "--not-done"), "nothing of '4712' is in doubt"),
    ],
)
def test_an_incomplete_settlement_settles_nothing(
    raccordo: Shell, ledger: str, words: tuple[str, ...], said: str
) -> None:
    """Exit code 2, and what is missing."""
    asyncio.run(doubt(ledger, "4711"))
    result = raccordo("doubts", "settle", *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(raccordo.json("doubts", "list")) == 1


def test_a_call_that_is_not_in_doubt_cannot_be_settled(raccordo: Shell, ledger: str) -> None:
    """Exit code 4, nothing changed."""
    asyncio.run(doubt(ledger, "4711"))
    words = ("doubts", "settle", "4711", "--call", "0" * 32, "--not-done", "--reason", "x", "--yes")
    assert raccordo(*words).exit_code == 4
    assert len(raccordo.json("doubts", "list")) == 1


def test_two_doubts_of_one_name_are_told_apart_by_id(raccordo: Shell, ledger: str) -> None:
    """The error lists the ids."""

    async def twice() -> None:
        await doubt(ledger, "4711")
        blind = blind_desk()
        blind.wire.losses = lambda _number, _attempt: Ambiguous("cut")
        async with line(to_blind_desk, blind, ledger=ledger) as running:
            await running.publish(Placed(customer="d", number="4711"))

    asyncio.run(twice())
    ids = [one["id"] for one in raccordo.json("doubts", "list")]
    result = raccordo("doubts", "show", "4711")
    assert result.exit_code == 2
    assert all(one in result.stderr for one in ids)
    assert raccordo("doubts", "show", ids[0]).exit_code == 0
