"""Logs carry what the list names, and nothing of what travels: no payload, no secret, no text of a foreign error."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from crew import Crew
from desk import QUICK, Desk, Placed
from raccordo.broker import Outgoing
from raccordo.codec import encode
from raccordo.errors import Ambiguous, Locked, Rejected, Unauthorized, Unavailable
from raccordo.event import Event, EventId, first_event
from raccordo.flow import SKIP, flow
from raccordo.telemetry import FIELDS, configure

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "canary7391"


def _lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_a_field_that_is_not_on_the_list_is_dropped_and_only_named() -> None:
    log = io.StringIO()
    configure("info", log).info("told", flow="order-to-sap", body={"iban": CANARY}, password=CANARY)
    (line,) = _lines(log)
    assert (line["flow"], line["dropped"]) == ("order-to-sap", ["body", "password"])
    assert CANARY not in log.getvalue()


def test_of_an_exception_its_class_and_places_are_told_and_not_its_text() -> None:
    log = io.StringIO()
    logger = configure("info", log)
    try:
        int(CANARY)
    except ValueError as error:
        logger.error("broken", exc_info=error)  # noqa: TRY400 - the exception is an argument on purpose
        logger.exception("broken")
    for line in _lines(log):
        assert line["error_class"] == "ValueError"
        assert line["where"][-1].endswith(
            "test_of_an_exception_its_class_and_places_are_told_and_not_its_text"
        )
    assert CANARY not in log.getvalue()


def test_a_secret_in_an_allowed_field_is_masked() -> None:
    log = io.StringIO()
    configure("info", log).info("told", reason=SecretStr(CANARY))
    assert CANARY not in log.getvalue()


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_nothing_below_the_level_is_written(level: str) -> None:
    log = io.StringIO()
    logger = configure(level, log)
    for name in ("debug", "info", "warning", "error"):
        getattr(logger, name)(name)
    assert next(line["event"] for line in _lines(log)) == level


@flow("leaky", lane="number", retry=QUICK, on_dead_letter=SKIP)
async def leaky(event: Event[Placed], desk: Desk) -> None:
    """Quotes what it carries in its own errors."""
    if event.data.number.startswith("broken"):
        raise KeyError(event.data.model_dump_json())
    await desk.create_order(event.data, key=event.id)


def _bad_records(order: Placed) -> list[Outgoing]:
    """Records that are no orders, with the canary in values that a decoder might quote.

    The names of fields, and the tenant and type of the envelope, are told: who has to mend it needs them.
    """
    good = encode(first_event(order, tenant="default", source="test", id=EventId("x")))
    bodies = [
        f'{{"customer":"{CANARY}"'.encode(),
        f'{{"customer":"{CANARY}","number":"1","seq":"{CANARY}"}}'.encode(),
        f'{{"customer":["{CANARY}"],"number":{{"{CANARY}":1}}}}'.encode(),
        f'{{"customer":"c","number":"1","colour":"{CANARY}"}}'.encode(),
        f'{{"customer":"{CANARY}","customer":"{CANARY}","number":"1"}}'.encode(),
    ]
    headers = [
        (*(each for each in good.headers if each[0] != "ce_time"), ("ce_time", CANARY.encode())),
        (("authorization", CANARY.encode()),),
    ]
    return [
        *(Outgoing(good.topic, good.key, body, good.headers) for body in bodies),
        *(Outgoing(good.topic, good.key, good.value, each) for each in headers),
    ]


async def test_nothing_that_travels_is_in_the_log_of_a_whole_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """I11: personal data and secrets in orders, bad records, our own errors and the system's answers."""
    caplog.set_level(logging.DEBUG)
    answers = {
        "refused": Rejected(f"customer {CANARY} is blocked"),
        "locked": Locked(f"locked by {CANARY}"),
        "lost": Ambiguous(f"half of {CANARY}"),
        "away": Unavailable(f"no route to {CANARY}"),
        "forbidden": Unauthorized(f"token {CANARY}"),
        "unread": ValueError(CANARY),
    }
    crew = Crew(leaky, tmp_path)
    crew.wire.faults = lambda number, attempt: answers.get(number) if attempt == 1 else None
    hand = await crew.join()
    orders = [
        Placed(customer=CANARY, number=number)
        for number in ("good", "broken", *answers)
        if number != "forbidden"
    ]
    await crew.publish(*orders)
    producer = crew.broker.producer()
    await producer.start()
    for record in _bad_records(orders[0]):
        await producer.send(record)
    await crew.publish(
        *(orders[0].model_copy(update={"seq": 1}), Placed(customer=CANARY, number="forbidden"))
    )
    async with asyncio.timeout(20):
        while "defect" not in hand.log.getvalue() or hand.log.getvalue().count('"dead"') < len(
            _bad_records(orders[0])
        ):
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.5)
    await crew.leave()
    await producer.stop()
    events = {line["event"] for line in _lines(hand.log)}
    assert {"dead", "defect"} <= events, "the run had what might be quoted"
    assert all(set(line) <= FIELDS for line in _lines(hand.log)), "nothing of ours is off the list"
    written = "".join([hand.log.getvalue(), caplog.text, *capfd.readouterr()])
    assert CANARY not in written
    copies = [
        dict(record.headers)
        for partition, log in crew.broker.logs.items()
        if partition.topic == "placed.dead"
        for record in log.read(log.begin, log.end - log.begin)
    ]
    unread = [
        copy for copy in copies if copy["x-raccordo-error"] in (b"Undecodable", b"InvalidEvent", b"KeyError")
    ]
    assert len(unread) == len(_bad_records(orders[0])) + 1
    assert not [copy for copy in unread if CANARY.encode() in copy["x-raccordo-reason"]]
