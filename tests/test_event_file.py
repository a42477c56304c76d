from __future__ import annotations

import io
import json
from typing import Any

import pytest

from hostile import HOSTILE, encoded, line, order
from raccordo.codec import Codec, encode
from raccordo.errors import ConfigError
from raccordo.event_file import LONGEST_LINE, EventFile, Read, chosen
from schemas import CONTRACTS, OrderConfirmed, OrderCreated

TENANTS = frozenset({"acme", "bolt"})


def reading(*lines: bytes, tenant: str | None = "acme", source: str = "desk") -> list[Read]:
    file = io.BytesIO(b"\n".join(lines))
    return list(EventFile(file, OrderCreated, tenants=TENANTS, tenant=tenant, source=source))


def only(*lines: bytes, **kwargs: Any) -> Any:
    """The event of the only line, which is good."""
    (read,) = reading(*lines, **kwargs)
    assert not read.problems
    return read.event


def problems(*lines: bytes, **kwargs: Any) -> list[tuple[int, str]]:
    """Line and path of everything that is wrong."""
    return [(read.line, path) for read in reading(*lines, **kwargs) for path, _ in read.problems]


def enveloped(**members: Any) -> bytes:
    return encoded({"data": order(), **members})


def test_the_same_line_is_the_same_event_however_it_is_spelled() -> None:
    """White space, order of names and the file's name make no other event, so a second publish is a repeat."""
    pretty = json.dumps(dict(reversed(order().items())), separators=(", ", " : ")).encode()
    first, again = (event.event for event in reading(encoded(order()), pretty))
    assert first is not None
    assert again is not None
    assert first.id == again.id
    assert len(first.id) == 32


def test_another_source_tenant_or_fact_is_another_event() -> None:
    """Two shops may number their orders alike."""
    ids = {
        only(encoded(order())).id,
        only(encoded(order(order_id="4712"))).id,
        only(encoded(order()), tenant="bolt").id,
        only(encoded(order()), source="shop").id,
    }
    assert len(ids) == 4


def test_an_envelope_says_more_than_the_data() -> None:
    """What it names is taken over, what it leaves out is filled in."""
    event = only(
        enveloped(
            id="evt-1",
            tenant="bolt",
            source="shop/eu",
            time="2026-01-31T09:15:00+01:00",
            correlation_id="c-1",
        )
    )
    assert (event.id, event.tenant, event.source, event.correlation_id) == ("evt-1", "bolt", "shop/eu", "c-1")
    assert event.time.isoformat() == "2026-01-31T08:15:00+00:00"
    assert only(enveloped(id="evt-1")).correlation_id == "evt-1"


def test_bad_lines_are_told_by_number_and_path_and_good_ones_stay() -> None:
    """Empty lines count as lines, so that an editor finds the place."""
    read = reading(encoded(order()), b"", b'{"order_id": NaN}', b"   ", encoded(line(quantity=None)))
    assert [(entry.line, entry.event is not None) for entry in read] == [(1, True), (3, False), (5, False)]
    assert read[1].problems[0][0] == "$.order_id"
    assert read[2].problems[0][0] == "$.lines[1].quantity"


def test_a_path_in_an_envelope_begins_at_the_line() -> None:
    """The path is the one that a person sees in the line."""
    assert problems(encoded({"data": line(quantity=None)})) == [(1, "$.data.lines[1].quantity")]


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"subject": "x"}, "$.subject"),
        ({"id": ""}, "$.id"),
        ({"id": 7}, "$.id"),
        ({"id": "x" * 300}, "$.id"),
        ({"id": "a\u2028b"}, "$.id"),
        ({"tenant": "evil"}, "$.tenant"),
        ({"source": "a\nb"}, "$.source"),
        ({"time": "yesterday"}, "$.time"),
        ({"data": 5}, "$.data"),
    ],
)
def test_an_envelope_that_no_consumer_would_take_is_refused(members: dict[str, Any], path: str) -> None:
    """Nothing is published that would only become a dead letter."""
    assert problems(enveloped(**members)) == [(1, path)]


@pytest.mark.parametrize("hostile", [case for case in HOSTILE if case.value], ids=lambda case: case.name)
def test_no_hostile_body_crashes_the_reader(hostile: Any) -> None:
    """Whatever a line holds, it is an event that its consumer accepts, or a problem; the next line is read."""
    body = hostile.value.replace(b"\n", b" ")
    *_, last = reading(body, encoded(order(order_id="after")))
    assert last.event is not None
    assert last.line == 2


def test_one_id_never_names_two_facts() -> None:
    """The second line is refused here, where a person sees it, and not as a conflict later; a repeat is fine."""
    lines = (enveloped(id="evt-1"), enveloped(id="evt-1"), enveloped(id="evt-1", data=order(order_id="4712")))
    assert problems(*lines) == [(3, "$.id")]
    assert problems(enveloped(id="evt-1"), enveloped(id="evt-1", tenant="bolt")) == []


def test_without_a_tenant_there_is_no_guess() -> None:
    """Several tenants are configured and the line names none."""
    assert problems(encoded(order()), tenant=None) == [(1, "$.tenant")]
    with pytest.raises(ConfigError, match="acme, bolt"):
        reading(encoded(order()), tenant="evil")


def test_an_endless_line_is_refused_without_keeping_it() -> None:
    """Its end is found, and the line behind it is read."""
    read = reading(b'{"order_id": "' + b"x" * (3 * LONGEST_LINE), encoded(order()))
    assert [(entry.line, entry.event is not None) for entry in read] == [(1, False), (2, True)]


def test_what_is_good_is_what_the_consumer_reads() -> None:
    """The event comes out of the codec as it went in."""
    event = only(enveloped(id="evt-1"))
    sent = encode(event)
    codec = Codec(OrderCreated, TENANTS)
    from raccordo.broker import Partition, Record  # noqa: PLC0415

    assert codec.decode(Record(Partition(sent.topic, 0), 0, sent.key, sent.value, sent.headers, 0)) == event


def test_a_contract_is_found_by_topic_class_or_type() -> None:
    """An unknown one is answered with the topics there are."""
    for name in ("ordini_creati", "OrderCreated", "raccordo.ordini_creati.v1"):
        assert chosen(CONTRACTS, name) is OrderCreated
    assert chosen(CONTRACTS, "ordini_confermati") is OrderConfirmed
    with pytest.raises(ConfigError, match="ordini_creati"):
        chosen(CONTRACTS, "ordini")
