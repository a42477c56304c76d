"""Records that must never become an event: one corpus for the codec, for a running worker and for every intake.

`HOSTILE` lists (name, headers, key, value); `REFUSED_AT` says for each name at which path it is refused. `GOOD` is a
record of the same contract, tenant and key that is accepted.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

TENANT = "acme"
TOPIC = "ordini_creati"
KEY = b"acme:0000100042"

Headers = tuple[tuple[str, bytes], ...]


class Hostile(NamedTuple):
    """One record as a producer would send it."""

    name: str
    headers: Headers
    key: bytes | None
    value: bytes | None


def order(**changes: Any) -> dict[str, Any]:
    """Make the JSON of a good order with two lines, with some top-level fields changed; None takes one out."""
    body: dict[str, Any] = {
        "order_id": "4711",
        "customer_id": "0000100042",
        "placed_at": "2026-01-31T08:15:00Z",
        "currency": "EUR",
        "lines": [
            {
                "line_id": number,
                "product": {"sku": "TG0011", "name": "Trading Good"},
                "quantity": {"value": "2", "unit": "C62"},
                "price": {"amount": "12.50"},
            }
            for number in ("10", "20")
        ],
    }
    body.update(changes)
    return {name: value for name, value in body.items() if value is not None}


def line(**changes: Any) -> dict[str, Any]:
    """Make the JSON of a good order whose second line has some fields changed."""
    body = order()
    body["lines"][1].update(changes)
    return body


def encoded(body: Any) -> bytes:
    """Write a body as compact JSON."""
    return json.dumps(body, separators=(",", ":")).encode()


def headers(without: str = "", /, **changes: bytes) -> Headers:
    """Make good headers, with one taken out or some values changed (``ce_id=b"..."``)."""
    good = {
        "ce_specversion": b"1.0",
        "ce_id": b"hostile-1",
        "ce_source": b"shop",
        "ce_type": b"raccordo.ordini_creati.v1",
        "ce_time": b"2026-01-31T08:15:00Z",
        "ce_tenant": TENANT.encode(),
        "content-type": b"application/json",
    }
    good.update(changes)
    good.pop(without, None)
    return tuple(good.items())


VALUE = encoded(order())
GOOD = Hostile("good", headers(), KEY, VALUE)


def _raw(old: str, new: str) -> bytes:
    text = VALUE.decode()
    assert old in text
    return text.replace(old, new, 1).encode("utf-8", "surrogatepass")


# name: (value, path at which it is refused)
_BODIES: dict[str, tuple[bytes | None, str]] = {
    "tombstone": (None, "$"),
    "empty": (b"", "$"),
    "blank": (b" \n", "$"),
    "null": (b"null", "$"),
    "a number": (b"42", "$"),
    "an array": (b"[]", "$"),
    "an object without fields": (b"{}", "$.order_id"),
    "not JSON": (b"<order id='4711'/>", "$"),
    "single quotes": (b"{'order_id': '4711'}", "$"),
    "cut in the middle": (VALUE[: len(VALUE) // 2], "$.lines[0].quantity"),
    "trailing data": (VALUE + b"{}", "$"),
    "two bodies": (VALUE + b"\n" + VALUE, "$"),
    "trailing comma": (_raw('"EUR",', '"EUR",,'), "$"),
    "comment": (b"/* order */" + VALUE, "$"),
    "byte order mark": (b"\xef\xbb\xbf" + VALUE, "$"),
    "UTF-16": (VALUE.decode().encode("utf-16"), "$"),
    "UTF-32": (VALUE.decode().encode("utf-32-le"), "$"),
    "Latin-1": (_raw("Trading Good", "Gr\u00f6\u00dfe").decode().encode("latin-1"), "$"),
    "overlong UTF-8": (VALUE.replace(b"TG0011", b"\xc0\xae"), "$"),
    "surrogate in UTF-8": (_raw("TG0011", "\ud800"), "$"),
    "lone high surrogate": (_raw("TG0011", "\\ud83d"), "$.lines[0].product.sku"),
    "lone low surrogate": (_raw("TG0011", "\\udc00x"), "$.lines[0].product.sku"),
    "lone surrogate in a name": (_raw('"sku"', '"sku\\ud800":1,"sku"'), "$.lines[0].product"),
    "raw control character": (_raw("Trading Good", "Trading\x01Good"), "$.lines[0].product.name"),
    "raw line break in a string": (_raw("Trading Good", "Trading\nGood"), "$.lines[0].product.name"),
    "escaped NUL": (_raw("TG0011", "TG\\u00000011"), "$.lines[0].product.sku"),
    "bad escape": (_raw("TG0011", "TG\\x11"), "$.lines[0].product.sku"),
    "NaN": (_raw('"2"', "NaN"), "$.lines[0].quantity.value"),
    "Infinity": (_raw('"2"', "Infinity"), "$.lines[0].quantity.value"),
    "minus Infinity": (_raw('"2"', "-Infinity"), "$.lines[0].quantity.value"),
    "1e400": (_raw('"2"', "1e400"), "$.lines[0].quantity.value"),
    "1e-400": (_raw('"2"', "1e-400"), "$.lines[0].quantity.value"),
    "huge integer": (_raw('"2"', "9" * 5000), "$.lines[0].quantity.value"),
    "integer beyond 2^53": (_raw('"2"', "9007199254740992"), "$.lines[0].quantity.value"),
    "long fraction": (_raw('"2"', "0." + "1" * 5000), "$.lines[0].quantity.value"),
    "leading zero": (_raw('"2"', "02"), "$.lines[0].quantity.value"),
    "duplicate name": (_raw('"currency":"EUR"', '"currency":"EUR","currency":"USD"'), "$.currency"),
    "duplicate name by escape": (_raw('"unit"', '"v\\u0061lue":"3","unit"'), "$.lines[0].quantity.value"),
    "100,000 arrays": (b"[" * 100_000, "$" + "[0]" * 64),
    "100,000 objects": (b'{"a":' * 100_000, "$" + ".a" * 64),
    "100,000 arrays, closed": (b"[" * 100_000 + b"]" * 100_000, "$" + "[0]" * 64),
    "deep attributes": (
        _raw('"currency"', '"attributes":{"a":' + "[" * 80 + "]" * 80 + '},"currency"'),
        "$.attributes.a" + "[0]" * 62,
    ),
    "2,000 names": (encoded({f"field {number}": 1 for number in range(2000)}), '$["field 1000"]'),
    "300,000 empty lines": (encoded(order(lines=[{}] * 300_000)), "$"),
    "larger than 1 MiB": (encoded(order(notes=[{"text": "x" * (1 << 20)}])), "$"),
    "unknown field": (encoded(order(colour="red")), "$.colour"),
    "unknown field in a line": (encoded(line(colour="red")), "$.lines[1].colour"),
    "missing field": (encoded(order(currency=None)), "$.currency"),
    "null field": (_raw('"4711"', "null"), "$.order_id"),
    "number for an id": (_raw('"4711"', "4711"), "$.order_id"),
    "boolean for an id": (_raw('"4711"', "true"), "$.order_id"),
    "empty id": (encoded(order(order_id="")), "$.order_id"),
    "blank id": (encoded(order(order_id=" ")), "$.order_id"),
    "id with a space at its end": (encoded(order(order_id="4711 ")), "$.order_id"),
    "id with a line break": (encoded(order(order_id="4711\r\nX: 1")), "$.order_id"),
    "id of 10,000 characters": (encoded(order(order_id="4" * 10_000)), "$.order_id"),
    "object for a text": (encoded(order(order_type={"a": 1})), "$.order_type"),
    "word for a boolean": (encoded(line(free_of_charge="true")), "$.lines[1].free_of_charge"),
    "number for a boolean": (encoded(line(free_of_charge=1)), "$.lines[1].free_of_charge"),
    "text for a number": (encoded(order(payment_terms={"net_days": "30"})), "$.payment_terms.net_days"),
    "boolean for a number": (encoded(order(payment_terms={"net_days": True})), "$.payment_terms.net_days"),
    "fraction for a number": (encoded(order(payment_terms={"net_days": 30.0})), "$.payment_terms.net_days"),
    "unknown currency": (encoded(order(currency="XXX")), "$.currency"),
    "currency in small letters": (encoded(order(currency="eur")), "$.currency"),
    "time without offset": (encoded(order(placed_at="2026-01-31T08:15:00")), "$.placed_at"),
    "time as a number": (encoded(order(placed_at=1_769_847_300)), "$.placed_at"),
    "time as digits": (encoded(order(placed_at="1769847300")), "$.placed_at"),
    "day that does not exist": (encoded(order(valid_until="2026-02-30")), "$.valid_until"),
    "hour that does not exist": (encoded(order(placed_at="2026-01-31T25:15:00Z")), "$.placed_at"),
    "year zero": (encoded(order(placed_at="0000-01-31T08:15:00Z")), "$.placed_at"),
    "offset out of the calendar": (encoded(order(placed_at="0001-01-01T00:00:00+23:59")), "$.placed_at"),
    "no lines": (encoded(order(lines=[])), "$.lines"),
    "lines as an object": (encoded(order(lines={"0": {}})), "$.lines"),
    "two lines of one number": (encoded(line(line_id="10")), "$"),
    "line without a product": (encoded(line(product={"description": "Good"})), "$.lines[1].product"),
    "quantity as a number": (encoded(line(quantity={"value": 2})), "$.lines[1].quantity.value"),
    "quantity as a boolean": (encoded(line(quantity={"value": True})), "$.lines[1].quantity.value"),
    "quantity zero": (encoded(line(quantity={"value": "0.0"})), "$.lines[1].quantity.value"),
    "negative quantity": (encoded(line(quantity={"value": "-1"})), "$.lines[1].quantity.value"),
    "quantity with an exponent": (encoded(line(quantity={"value": "1E3"})), "$.lines[1].quantity.value"),
    "quantity NaN as text": (encoded(line(quantity={"value": "NaN"})), "$.lines[1].quantity.value"),
    "quantity with a comma": (encoded(line(quantity={"value": "1,5"})), "$.lines[1].quantity.value"),
    "quantity in Arabic digits": (encoded(line(quantity={"value": "\u0662"})), "$.lines[1].quantity.value"),
    "unit as a word": (encoded(line(quantity={"value": "1", "unit": "Stk"})), "$.lines[1].quantity.unit"),
    "price as a number": (encoded(line(price={"amount": 12.5})), "$.lines[1].price.amount"),
    "price of 16 digits": (encoded(line(price={"amount": "1" * 16})), "$.lines[1].price.amount"),
    "price of 7 decimals": (encoded(line(price={"amount": "0.1234567"})), "$.lines[1].price.amount"),
    "price per nothing": (encoded(line(price={"amount": "1", "basis": "0"})), "$.lines[1].price.basis"),
    "sum that is none": (
        encoded({**line(net_amount="25"), "totals": {"lines": "1"}}).replace(
            b'"price":{"amount":"12.50"}},', b'"price":{"amount":"12.50"},"net_amount":"25"},', 1
        ),
        "$",
    ),
}

# name: (headers, path at which they are refused)
_HEADERS: dict[str, tuple[Headers, str]] = {
    "no headers": ((), "header ce_specversion"),
    "no ce_id": (headers("ce_id"), "header ce_id"),
    "no ce_source": (headers("ce_source"), "header ce_source"),
    "no ce_type": (headers("ce_type"), "header ce_type"),
    "no ce_time": (headers("ce_time"), "header ce_time"),
    "empty ce_id": (headers(ce_id=b""), "header ce_id"),
    "ce_id of 10,000 bytes": (headers(ce_id=b"x" * 10_000), "header ce_id"),
    "ce_id with NUL": (headers(ce_id=b"a\0b"), "header ce_id"),
    "ce_id with CRLF": (headers(ce_id=b"a\r\nce_tenant: other"), "header ce_id"),
    "ce_id with a line separator": (headers(ce_id="a\u2028b".encode()), "header ce_id"),
    "ce_id not UTF-8": (headers(ce_id=b"\xff\xfe"), "header ce_id"),
    "ce_id twice": ((*headers(), ("ce_id", b"hostile-2")), "header ce_id"),
    "ce_tenant twice": ((*headers(), ("ce_tenant", b"other")), "header ce_tenant"),
    "traceparent twice": (
        (*headers(traceparent=b"00-0-0-0"), ("traceparent", b"00-1-1-1")),
        "header traceparent",
    ),
    "correlation id with CRLF": (headers(ce_correlationid=b"a\r\nb"), "header ce_correlationid"),
    "CE_ID beside ce_id": ((*headers(), ("CE_ID", b"other")), "header CE_ID"),
    "ce-id beside ce_id": ((*headers(), ("ce-id", b"other")), "header ce-id"),
    "ce_id with a space": ((*headers(), ("ce_id ", b"other")), "header ce_id "),
    "ce_id in Cyrillic": ((*headers(), ("\u0441\u0435_id", b"other")), "header '\\u0441\\u0435_id'"),
    "ce_id in full width": (
        (*headers(), ("\uff43\uff45_id", b"other")),
        "header '\\uff43\\uff45_id'",
    ),
    "ce_id with a zero-width space": ((*headers(), ("ce_\u200bid", b"other")), "header 'ce_\\u200bid'"),
    "Content-Type": ((*headers(), ("Content-Type", b"text/xml")), "header Content-Type"),
    "specversion 0.3": (headers(ce_specversion=b"0.3"), "header ce_specversion"),
    "another contract": (headers(ce_type=b"raccordo.reso_aperto.v1"), "header ce_type"),
    "a later version": (headers(ce_type=b"raccordo.ordini_creati.v2"), "header ce_type"),
    "time in words": (headers(ce_time=b"yesterday"), "header ce_time"),
    "time without an offset": (headers(ce_time=b"2026-01-31T08:15:00"), "header ce_time"),
    "unknown tenant": (headers(ce_tenant=b"other"), "header ce_tenant"),
    "empty tenant": (headers(ce_tenant=b""), "header ce_tenant"),
    "tenant with a colon": (headers(ce_tenant=b"acme:0000100042"), "header ce_tenant"),
    "XML": (headers(**{"content-type": b"application/xml"}), "header content-type"),
    "structured mode": (
        headers(**{"content-type": b"application/cloudevents+json"}),
        "header content-type",
    ),
    "another charset": (
        headers(**{"content-type": b"application/json; charset=latin-1"}),
        "header content-type",
    ),
    "1,001 headers": (headers() + (("x", b""),) * 1001, "headers"),
    "70 KiB of headers": ((*headers(), ("x", b"x" * 70_000)), "headers"),
}

# name: (key, path at which it is refused)
_KEYS: dict[str, tuple[bytes | None, str]] = {
    "no key": (None, "key"),
    "empty key": (b"", "key"),
    "key of another customer": (b"acme:0000100043", "key"),
    "key without leading zeros": (b"acme:100042", "key"),
    "key of another tenant": (b"other:0000100042", "key"),
    "key without tenant": (b"0000100042", "key"),
    "key not UTF-8": (b"\xff", "key"),
    "key of 100,000 bytes": (b"k" * 100_000, "key"),
}

HOSTILE: list[Hostile] = [
    *(Hostile(f"body: {name}", headers(), KEY, value) for name, (value, _) in _BODIES.items()),
    *(Hostile(f"headers: {name}", bad, KEY, VALUE) for name, (bad, _) in _HEADERS.items()),
    *(Hostile(f"key: {name}", headers(), key, VALUE) for name, (key, _) in _KEYS.items()),
]

REFUSED_AT: dict[str, str] = {
    **{f"body: {name}": path for name, (_, path) in _BODIES.items()},
    **{f"headers: {name}": path for name, (_, path) in _HEADERS.items()},
    **{f"key: {name}": path for name, (_, path) in _KEYS.items()},
}
