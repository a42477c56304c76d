from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pytest

from desk import Desk, Placed, blind_desk, desk, to_blind_desk, to_desk, to_desk_skipping
from raccordo.broker import Outgoing
from raccordo.errors import Ambiguous, Rejected
from raccordo.event import Event
from raccordo.flow import Flow, flow
from raccordo.testing import RunningLine, line

if TYPE_CHECKING:
    from collections.abc import Callable

    from shell import Shell


def refusing(*numbers: str) -> Callable[[str, int], Exception | None]:
    return lambda number, _attempt: Rejected("material is unknown") if number in numbers else None


def placed(*numbers: str, customer: str = "c") -> list[Placed]:
    return [Placed(customer=customer, number=number) for number in numbers]


async def _die(ledger: str, orders: list[Placed], flow: Flow[..., Any], raw: bytes | None) -> None:
    system = desk()
    system.wire.faults = refusing(*(order.number for order in orders))
    async with line(flow, system, ledger=ledger) as running:
        await running.publish(*orders)
        if raw is not None:
            await running.line.producer.send(Outgoing("placed", b"default:c", raw, (("ce_id", b"x-1"),)))
            await running.settled()


def die(
    ledger: str, *numbers: str, flow: Flow[..., Any] = to_desk_skipping, raw: bytes | None = None
) -> None:
    """Let orders be refused for good; `raw` is a record that no event can be made of."""
    asyncio.run(_die(ledger, placed(*numbers), flow, raw))


def listed(raccordo: Shell, *filters: str) -> list[dict[str, Any]]:
    letters: list[dict[str, Any]] = raccordo.json("dead", "list", *filters)
    return letters


async def beside(
    raccordo: Shell, ledger: str, system: Desk, *words: str, flow: Flow[..., Any] = to_desk_skipping
) -> tuple[Any, RunningLine]:
    """Run a command beside a worker of the flow; its JSON, whatever its exit code, and the line."""

    def call() -> tuple[int, Any]:
        result = raccordo(*words, "--json")
        assert result.stdout, result.output
        return result.exit_code, json.loads(result.stdout)

    async with line(flow, system, ledger=ledger) as running:
        return await asyncio.to_thread(call), running


def test_letters_are_listed_with_reason_and_business_key(raccordo: Shell, ledger: str) -> None:
    """What is no event is listed beside them, by the id that its headers claim."""
    die(ledger, "1", "2", raw=b"{]")
    letters = {dict(letter["business_keys"]).get("number"): letter for letter in listed(raccordo)}
    assert set(letters) == {"1", "2", None}
    assert letters["1"]["reason"] == "desk.create_order: material is unknown"
    assert letters[None]["error"] == "Undecodable"
    result = raccordo("dead", "list")
    assert result.exit_code == 0
    assert "material is unknown" in result.stdout
    assert "x-1" in result.stdout


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (("--flow", "to-desk-skipping"), 3),
        (("--flow", "another"), 0),
        (("--error", "Undecodable"), 1),
        (("--saying", "MATERIAL"), 2),
        (("--since", "1h"), 3),
        (("--until", "1h"), 0),
        (("--since", "2100-01-01T00:00:00Z"), 0),
        (("--state", "rejected"), 0),
        (("--state", "dead", "--state", "rejected"), 3),
        (("--topic", "placed"), 3),
        (("--tenant", "default"), 2),
        (("--limit", "1"), 1),
    ],
    ids=str,
)
def test_filters_narrow_the_list(raccordo: Shell, ledger: str, filters: Any, count: int) -> None:
    """By flow, error, reason, time, state, topic and tenant."""
    die(ledger, "1", "2", raw=b"{]")
    assert len(listed(raccordo, *filters)) == count


def test_a_time_that_is_none_is_refused_with_an_example(raccordo: Shell, ledger: str) -> None:
    """Ages and RFC 3339 times are read."""
    die(ledger, "1")
    result = raccordo("dead", "list", "--since", "yesterday")
    assert result.exit_code == 2
    assert "12h" in result.stderr


def test_a_letter_is_shown_with_its_headers_and_its_body_only_when_asked(
    raccordo: Shell, ledger: str
) -> None:
    """A body may hold personal data, so nobody sees it by accident."""
    die(ledger, "1", raw=b'{"name": "Mario \xff')
    order, record = listed(raccordo)
    for words in ((), ("--json",)):
        output = raccordo("dead", "show", order["id"], *words).output
        assert "ce_correlationid" in output
        assert '"customer"' not in output.replace("\\", "")
    body = raccordo.json("dead", "show", order["id"], "--body")["record"]["value"]
    assert body["text"].startswith('{"customer"')
    assert "hex 7b 22" in raccordo("dead", "show", record["id"], "--body").stdout
    assert raccordo("dead", "show", "0" * 32).exit_code == 2


async def test_redriven_letters_take_effect_once_with_their_old_keys(raccordo: Shell, ledger: str) -> None:
    """Each ends, is told, and is in the audit with who and why."""
    await _die(ledger, placed("1", "2", "3"), to_desk_skipping, None)
    system = desk()
    (code, answer), running = await beside(
        raccordo,
        ledger,
        system,
        *("dead", "redrive", "--all", "--yes", "--reason", "material created", "--actor", "anna"),
    )
    assert code == 0, answer
    assert answer["outcomes"]["done"] == 3
    assert sorted(number for number, _, _ in system.wire.booked) == ["1", "2", "3"]
    assert await asyncio.to_thread(listed, raccordo) == []
    assert running.records("placed") == []
    with sqlite3.connect(ledger.removeprefix("sqlite:///")) as connection:
        acts = connection.execute("SELECT actor, action, reason FROM audit").fetchall()
    connection.close()
    assert acts == [("anna", "redrive", "material created")] * 3


async def test_the_canary_that_fails_again_leaves_the_others_alone(raccordo: Shell, ledger: str) -> None:
    """Exit code 1, the reason, and the untouched letters are still letters."""
    await _die(ledger, placed("1", "2", "3"), to_desk_skipping, None)
    system = desk()
    system.wire.faults = refusing("1")
    (code, answer), _ = await beside(
        raccordo, ledger, system, "dead", "redrive", "--all", "--yes", "--reason", "try"
    )
    assert code == 1
    assert answer["outcomes"] == {"done": 0, "failed": 1, "waiting": 0, "gone": 0, "held back": 2}
    assert "canaries failed" in answer["stopped"]
    assert system.wire.booked == []
    assert len(await asyncio.to_thread(listed, raccordo)) == 3


async def test_a_record_that_can_be_read_now_is_done_and_one_that_cannot_fails_again(
    raccordo: Shell, ledger: str
) -> None:
    """The outcome is that of the worker, not that of the desk."""
    await _die(ledger, [], to_desk_skipping, b"{]")
    (letter,) = await asyncio.to_thread(listed, raccordo)
    (code, answer), _ = await beside(
        raccordo, ledger, desk(), "dead", "redrive", letter["id"], "--yes", "--reason", "new release"
    )
    assert code == 1
    assert answer["outcomes"]["failed"] == 1
    assert len(await asyncio.to_thread(listed, raccordo)) == 1


def test_without_a_worker_the_canary_says_so(raccordo: Shell, ledger: str) -> None:
    """Nothing hangs."""
    die(ledger, "1", "2")
    words = ("dead", "redrive", "--all", "--yes", "--reason", "x", "--patience", "0.3")
    answer = raccordo.json(*words, code=1)
    assert answer["outcomes"]["waiting"] == 1
    assert answer["outcomes"]["held back"] == 1
    assert "worker" in answer["stopped"]


def test_a_dry_run_shows_the_selection_and_changes_nothing(raccordo: Shell, ledger: str) -> None:
    """In the order in which lanes would be worked off."""
    die(ledger, "1", "2")
    answer = raccordo.json("dead", "redrive", "--all", "--dry-run")
    assert answer["selected"] == 2
    assert "material is unknown" in raccordo("dead", "redrive", "--all", "--dry-run").stdout
    assert len(listed(raccordo)) == 2


def test_nothing_is_redriven_unasked(raccordo: Shell, ledger: str) -> None:
    """No selection, no reason, no terminal to ask on: each is wrong usage."""
    die(ledger, "1")
    for words, said in (
        (("--reason", "x", "--yes"), "--all"),
        (("--all", "--yes"), "--reason"),
        (("--all", "--reason", "x"), "--yes"),
        (("0" * 32, "--reason", "x", "--yes"), "no dead letter"),
    ):
        result = raccordo("dead", "redrive", *words)
        assert result.exit_code == 2, words
        assert said in result.stderr
    assert len(listed(raccordo)) == 1


def test_filters_choose_dead_letters_and_no_refusals(raccordo: Shell, ledger: str) -> None:
    """A refused order was answered; it is redriven only when that is said."""
    die(ledger, "1", flow=to_desk)
    assert listed(raccordo)[0]["state"] == "rejected"
    assert raccordo.json("dead", "redrive", "--all", "--dry-run")["selected"] == 0
    assert raccordo.json("dead", "redrive", "--state", "rejected", "--dry-run")["selected"] == 1


def test_letters_past_the_ttl_rule_are_refused_with_4(raccordo: Shell, ledger: str) -> None:
    """All of them stay; the sentence says which rule and what is possible."""
    die(ledger, "1", "2")
    long_ago = time.time_ns() // 1_000_000 - 31 * 86_400_000
    with sqlite3.connect(ledger.removeprefix("sqlite:///")) as connection:
        connection.execute(
            "UPDATE held SET last_at = ? WHERE offset = (SELECT min(offset) FROM held)", [long_ago]
        )
        connection.commit()
    connection.close()
    result = raccordo("dead", "redrive", "--all", "--yes", "--reason", "x")
    assert result.exit_code == 4
    assert "RACCORDO_REDRIVE_HORIZON" in result.stderr
    assert len(listed(raccordo)) == 2
    assert raccordo.json("dead", "redrive", "--all", "--dry-run", code=4)["error"]["class"] == "Unsafe"


async def test_a_doubt_among_the_chosen_is_refused_with_the_way_out(raccordo: Shell, ledger: str) -> None:
    """Nothing whose outcome is unknown is sent again by a redrive."""
    blind = blind_desk()
    blind.wire.losses = lambda _number, _attempt: Ambiguous("cut")
    async with line(to_blind_desk, blind, ledger=ledger) as running:
        await running.publish(*placed("1"))
    (letter,) = await asyncio.to_thread(listed, raccordo)
    result = await asyncio.to_thread(
        raccordo, "dead", "redrive", letter["id"], "--yes", "--reason", "x", "--canary", "0"
    )
    assert result.exit_code == 1
    assert "settle it" in result.stdout
    assert blind.wire.count("1") == 1


@flow("to-desk-strictly", lane="number")
async def strictly(event: Event[Placed], desk: Desk) -> None:
    """Every order is booked once; a refused one blocks what follows it."""
    await desk.create_order(event.data, key=event.id)


async def test_what_waits_behind_a_letter_goes_on_after_its_redrive(raccordo: Shell, ledger: str) -> None:
    """In the lane's order: first the redriven one, then what waited behind it."""
    system = desk()
    system.wire.faults = lambda _number, attempt: Rejected("no such material") if attempt == 1 else None
    async with line(strictly, system, ledger=ledger) as running:
        await running.publish(*(Placed(customer="c", number="1", seq=seq) for seq in (0, 1)))
        (letter,) = await asyncio.to_thread(listed, raccordo)
        assert letter["blocks"]
        system.wire.faults = lambda _number, _attempt: None
        words = ("dead", "redrive", letter["id"], "--yes", "--reason", "created")
        assert (await asyncio.to_thread(raccordo, *words)).exit_code == 0
        await running.emptied()
    assert [seq for _, seq, _ in system.wire.booked] == [0, 1]
