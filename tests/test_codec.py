from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from hostile import (
    GOOD,
    HOSTILE,
    KEY,
    REFUSED_AT,
    TENANT,
    TOPIC,
    VALUE,
    Hostile,
    encoded,
    headers,
    line,
    order,
)
from raccordo.broker import Outgoing, Partition, Record
from raccordo.codec import Codec, canonical, encode, event_key, fingerprint
from raccordo.errors import ConfigError, ContractError, InvalidEvent, Undecodable
from raccordo.event import Contract, Event, EventId, first_event
from raccordo.scalars import Attributes, Day, Exact, Identifier, Instant
from schemas import OrderCreated

TENANTS = frozenset({TENANT})
TIME = datetime(2026, 1, 31, 8, 15, tzinfo=UTC)


class Stock(Contract, topic="giacenze", key="plant", version=1, owner="logistics"):
    """What lies in a plant."""

    plant: Identifier
    value: Exact
    seen_at: Instant
    day: Day | None = None
    attributes: Attributes = Field(default={})


class Sighting(Stock, topic="avvistamenti", key="plant", version=1, owner="logistics"):
    """The same fields as another fact."""


class StockOfLots(Contract, topic="giacenze", key="plant", version=2, owner="logistics"):
    """The same by lot."""

    plant: Identifier
    lot: Identifier


def record(
    value: bytes | None = VALUE, key: bytes | None = KEY, head: tuple[tuple[str, bytes], ...] = GOOD.headers
) -> Record:
    return Record(Partition(TOPIC, 0), 0, key, value, head, 0)


def fetched(sent: Outgoing) -> Record:
    return Record(Partition(sent.topic, 0), 0, sent.key, sent.value, sent.headers, 0)


def decoded(value: bytes = VALUE, **changes: bytes) -> Event[Any]:
    return Codec(OrderCreated, TENANTS).decode(record(value, head=headers(**changes)))


def stock(**changes: Any) -> Event[Any]:
    fields: dict[str, Any] = {"plant": "1010", "value": Decimal("12.50"), "seen_at": TIME}
    return first_event(Stock(**(fields | changes)), tenant=TENANT, source="wms", id=EventId("e1"), time=TIME)


@pytest.mark.parametrize("bad", HOSTILE, ids=lambda bad: bad.name)
def test_a_hostile_record_is_refused_where_it_is_wrong(bad: Hostile) -> None:
    with pytest.raises(ContractError) as caught:
        Codec(OrderCreated, TENANTS).decode(record(bad.value, bad.key, bad.headers))
    assert caught.value.path == REFUSED_AT[bad.name]
    assert len(str(caught.value)) < 1000


def test_a_good_record_becomes_an_event() -> None:
    event = decoded()
    assert event.id == "hostile-1"
    assert event.tenant == TENANT
    assert event.time == TIME
    assert event.record_key == "acme:0000100042"
    assert event.data.lines[1].quantity.value == 2
    assert event.data.lines[1].price.amount == Decimal("12.5")


def test_an_event_without_correlation_id_correlates_with_itself() -> None:
    assert decoded().correlation_id == "hostile-1"
    assert decoded(ce_correlationid=b"c").correlation_id == "c"


def test_a_malformed_trace_is_dropped_and_costs_no_order() -> None:
    good = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert decoded(traceparent=good).traceparent == good.decode()
    for bad in (b"", b"00-0-0-0", good.upper(), good.replace(b"4bf92f3577b34da6a3ce929d0e0e4736", b"0" * 32)):
        assert decoded(traceparent=bad).traceparent is None


def test_foreign_headers_are_neither_read_nor_copied_on() -> None:
    foreign = (("ce_partitionkey", b"\xff"), ("x-request-id", b"1"), ("x-request-id", b"\0"), ("", b""))
    event = Codec(OrderCreated, TENANTS).decode(record(head=(*foreign, *GOOD.headers)))
    assert event == decoded()
    assert {name for name, _ in encode(event).headers}.isdisjoint(name for name, _ in foreign)


def test_subject_and_dataschema_are_read_from_the_contract_and_not_believed() -> None:
    event = decoded(ce_subject=b"somebody else", ce_dataschema=b"http://attacker.example/schema")
    assert ("ce_subject", b"0000100042") in encode(event).headers
    assert ("ce_dataschema", b"schemas/published/ordini_creati/v1.json") in encode(event).headers


def test_a_tenant_may_be_left_out_only_where_there_is_one() -> None:
    without = record(head=headers("ce_tenant"))
    assert Codec(OrderCreated, TENANTS).decode(without).tenant == TENANT
    with pytest.raises(Undecodable, match="header ce_tenant: is missing, and several tenants"):
        Codec(OrderCreated, frozenset({TENANT, "other"})).decode(without)


def test_a_wrong_key_says_what_was_expected_and_what_was_found() -> None:
    with pytest.raises(InvalidEvent, match=r"key: expected 'acme:0000100042', found 'acme:7'"):
        Codec(OrderCreated, TENANTS).decode(record(key=b"acme:7"))


def test_a_foreign_type_says_what_is_read_here() -> None:
    with pytest.raises(
        InvalidEvent, match=r"must be raccordo.giacenze.v1 or raccordo.giacenze.v2; 'raccordo.ordini"
    ):
        Codec((Stock, StockOfLots), TENANTS).decode(record())


def test_several_versions_of_a_contract_are_read_by_one_codec() -> None:
    codec = Codec((Stock, StockOfLots), TENANTS)
    lots = first_event(
        StockOfLots(plant="1010", lot="A"), tenant=TENANT, source="wms", id=EventId("e2"), time=TIME
    )
    for event in (stock(), lots):
        assert codec.decode(fetched(encode(event))) == event


@pytest.mark.parametrize("tenants", [frozenset(), frozenset({"a:b"})])
def test_a_codec_that_could_not_tell_tenants_apart_is_refused_at_start(tenants: frozenset[str]) -> None:
    with pytest.raises(ConfigError):
        Codec(OrderCreated, tenants)


def test_all_violations_are_listed_by_path_without_values() -> None:
    body = line(quantity={"value": "geheim", "unit": "geheim"}, price={"amount": 3}, secret="geheim")
    body["placed_at"] = "geheim"
    with pytest.raises(InvalidEvent) as caught:
        Codec(OrderCreated, TENANTS).decode(record(encoded(body)))
    assert [path for path, _ in caught.value.fields] == [
        "$.placed_at",
        "$.lines[1].quantity.value",
        "$.lines[1].quantity.unit",
        "$.lines[1].price.amount",
        "$.lines[1].secret",
    ]
    assert "geheim" not in str(caught.value.fields)


def test_an_event_is_written_as_the_same_bytes_every_time() -> None:
    event = Event(
        id=EventId("e2"),
        source="raccordo/stock",
        time=TIME + timedelta(microseconds=1),
        tenant=TENANT,
        data=Stock(plant="1010", value=Decimal("-12.50"), seen_at=TIME, attributes={"b": "2", "a": "1"}),
        correlation_id="c",
        causation_id="e1",
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    assert encode(event) == Outgoing(
        topic="giacenze",
        key=b"acme:1010",
        value=b'{"plant":"1010","value":"-12.5","seen_at":"2026-01-31T08:15:00Z","attributes":{"a":"1","b":"2"}}',
        headers=(
            ("ce_specversion", b"1.0"),
            ("ce_id", b"e2"),
            ("ce_source", b"raccordo/stock"),
            ("ce_type", b"raccordo.giacenze.v1"),
            ("ce_time", b"2026-01-31T08:15:00.000001Z"),
            ("ce_subject", b"1010"),
            ("ce_dataschema", b"schemas/published/giacenze/v1.json"),
            ("ce_correlationid", b"c"),
            ("ce_causationid", b"e1"),
            ("ce_tenant", b"acme"),
            ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("content-type", b"application/json"),
        ),
    )


@pytest.mark.parametrize("bad", ["", "x" * 201, "a\nb", "\ud800"])
def test_an_event_that_nobody_could_read_is_not_written(bad: str) -> None:
    event = first_event(
        Stock(plant="1", value=Decimal(1), seen_at=TIME), tenant=TENANT, source="wms", id=EventId(bad)
    )
    with pytest.raises(Undecodable, match="header ce_id"):
        encode(event)


SAME_FACT = [
    json.dumps(order(), indent=4).encode(),
    json.dumps(dict(reversed(order().items()))).encode(),
    VALUE.replace(b'"12.50"', b'"12.5"'),
    VALUE.replace(b'"12.50"', b'"12.500000"'),
    VALUE.replace(b"08:15:00Z", b"09:15:00+01:00"),
    VALUE.replace(b"08:15:00Z", b"08:15:00.000Z"),
    VALUE.replace(b'"currency"', b'"buyer_reference":null,"notes":[],"currency"'),
    VALUE.replace(b'"TG0011"', b'"\\u0054G0011"'),
]


@pytest.mark.parametrize("value", SAME_FACT)
def test_one_fact_in_two_spellings_is_a_repeat(value: bytes) -> None:
    assert fingerprint(decoded(value)) == fingerprint(decoded())


OTHER_FACTS = [
    encoded(order(order_id="04711")),
    encoded(order(buyer_reference="4711")),
    encoded(line(quantity={"value": "2.000001", "unit": "C62"})),
    encoded(line(quantity={"value": "2", "unit": "EA"})),
    encoded(order(lines=order()["lines"][::-1])),
    VALUE.replace(b"08:15:00Z", b"08:15:00+01:00"),
    VALUE.replace(b'"Trading Good"', b'"Trading  Good"'),
]


@pytest.mark.parametrize("value", OTHER_FACTS)
def test_another_fact_has_another_fingerprint(value: bytes) -> None:
    assert fingerprint(decoded(value)) != fingerprint(decoded())


def test_the_same_fields_as_another_fact_are_no_repeat() -> None:
    seen = Sighting(plant="1010", value=Decimal("12.50"), seen_at=TIME)
    other = first_event(seen, tenant=TENANT, source="wms", id=EventId("e1"), time=TIME)
    assert canonical(other.data) == canonical(stock().data)
    assert fingerprint(other) != fingerprint(stock())


def test_the_fingerprint_is_of_the_fact_and_not_of_its_envelope() -> None:
    assert fingerprint(decoded(ce_time=b"2027-01-01T00:00:00Z", ce_source=b"x")) == fingerprint(decoded())
    assert len(fingerprint(decoded())) == 16


def test_an_optional_field_of_a_later_release_keeps_the_fingerprints_of_older_facts() -> None:
    assert b"day" not in canonical(stock().data)
    assert fingerprint(stock()) == fingerprint(stock(day=None))


def test_the_key_of_an_event_depends_on_every_part() -> None:
    keys = {
        event_key(*parts)
        for parts in [("a", "b", "c"), ("ab", "", "c"), ("a", "bc", ""), ("a", "c", "b"), ("", "ab", "c")]
    }
    assert len(keys) == 5
    assert {len(key) for key in keys} == {16}


decimals = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**14), max_value=10**14)
plain = st.characters(blacklist_categories=["Cs", "Cc", "Z"])
identifiers = st.text(plain, min_size=1, max_size=100)
times = st.datetimes(
    min_value=datetime(1, 1, 3),  # noqa: DTZ001 - Hypothesis adds the zone
    max_value=datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)


@given(
    identifiers,
    decimals,
    times,
    st.dates() | st.none(),
    st.dictionaries(identifiers, identifiers, max_size=3),
)
def test_what_was_encoded_is_decoded(
    plant: str, value: Decimal, time: datetime, day: Any, attributes: dict[str, str]
) -> None:
    event = stock(plant=plant, value=value, seen_at=time, day=day, attributes=attributes)
    again = Codec(Stock, TENANTS).decode(fetched(encode(event)))
    assert again == event
    assert encode(again) == encode(event)
    assert fingerprint(again) == fingerprint(event)
    assert again.data.value == value
    assert again.data.seen_at == time


names = st.sampled_from([name for name, _ in GOOD.headers]) | st.text(max_size=20)


@given(st.none() | st.binary(), st.none() | st.binary(), st.lists(st.tuples(names, st.binary())).map(tuple))
def test_random_records_are_read_or_refused_by_a_contract_error(
    value: bytes | None, key: bytes | None, head: tuple[tuple[str, bytes], ...]
) -> None:
    for bad in (record(value, key, head), record(value, key), record(head=head)):
        with pytest.raises(ContractError):
            Codec(OrderCreated, TENANTS).decode(bad)


@given(st.integers(0, len(VALUE) - 1), st.binary(max_size=3))
def test_a_good_body_with_any_damage_is_read_or_refused_by_a_contract_error(at: int, damage: bytes) -> None:
    with contextlib.suppress(ContractError):
        decoded(VALUE[:at] + damage + VALUE[at + len(damage) :])
