"""Values as both versions write them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raccordo.wire.odata import Version, decimal_of, moment_of, time_of
from raccordo.wire.odata.literals import (
    all_equal,
    key_predicate,
    literal,
    path_segment,
    query_string,
    to_json,
)

V2, V4 = Version.V2, Version.V4
GUID = UUID("005056a5-09b1-1ee1-b9a8-fec11c21578e")
MOMENT = datetime(2026, 11, 22, 11, 30, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("value", "in_v2", "in_v4"),
    [
        ("O'Neil", "'O''Neil'", "'O''Neil'"),
        ("", "''", "''"),
        (True, "true", "true"),
        (42, "42", "42"),
        (None, "null", "null"),
        (Decimal("1.50"), "1.50M", "1.50"),
        (Decimal("1E+3"), "1000M", "1000"),
        (GUID, f"guid'{GUID}'", str(GUID)),
        (date(2026, 1, 2), "datetime'2026-01-02T00:00:00'", "2026-01-02"),
        (MOMENT, "datetimeoffset'2026-11-22T10:30:00Z'", "2026-11-22T10:30:00Z"),
        (time(11, 5), "time'PT11H05M00S'", "11:05:00"),
    ],
)
def test_a_literal_of_a_filter(value: Any, in_v2: str, in_v4: str) -> None:
    """Quotes are doubled; types are marked in V2 and bare in V4."""
    assert (literal(value, V2), literal(value, V4)) == (in_v2, in_v4)


def test_keys_and_filters() -> None:
    """One key stands alone, several are named; a filter joins equalities."""
    assert key_predicate({"SalesOrder": "1"}, V2) == "('1')"
    assert key_predicate({"SalesOrder": "1", "Item": 10}, V4) == "(SalesOrder='1',Item=10)"
    assert all_equal({"A": "x' or 1 eq 1", "B": 2}, V2) == "A eq 'x'' or 1 eq 1' and B eq 2"


def test_addresses_are_percent_encoded() -> None:
    """Parentheses, quotes, blanks, slashes and ampersands; the dollar of options stays."""
    assert path_segment("A_SalesOrder('a b/c')") == "A_SalesOrder%28%27a%20b%2Fc%27%29"
    assert (
        query_string({"$filter": "A eq 'x&y=z'", "sap-client": "100"})
        == "$filter=A%20eq%20%27x%26y%3Dz%27&sap-client=100"
    )


@given(st.text())
def test_no_text_escapes_from_its_literal(text: str) -> None:
    """Whatever stands in an order id, a filter has one comparison."""
    written = literal(text, V2)
    assert written[1:-1].replace("''", "").count("'") == 0
    assert written[1:-1].replace("''", "'") == text


@pytest.mark.parametrize(
    ("value", "in_v2", "in_v4"),
    [
        (Decimal("12.50"), '"12.50"', "12.50"),
        (Decimal("1E-7"), '"0.0000001"', "0.0000001"),
        (date(2017, 4, 13), '"/Date(1492041600000)/"', '"2017-04-13"'),
        (date(1969, 12, 31), '"/Date(-86400000)/"', '"1969-12-31"'),
        (MOMENT, '"/Date(1795343400000+0000)/"', '"2026-11-22T10:30:00Z"'),
        (time(11, 5, 6), '"PT11H05M06S"', '"11:05:06"'),
        (True, "true", "true"),
        (None, "null", "null"),
        ({"a": [{"b": Decimal(2)}]}, '{"a":[{"b":"2"}]}', '{"a":[{"b":2}]}'),
        ("ü\n\u2028", '"\\u00fc\\n\\u2028"', '"\\u00fc\\n\\u2028"'),
    ],
)
def test_a_body(value: Any, in_v2: str, in_v4: str) -> None:
    """Decimals are exact: strings in V2, numbers in V4, never floats."""
    assert (to_json(value, V2), to_json(value, V4)) == (in_v2, in_v4)
    json.loads(in_v2)


def test_a_float_has_no_place_in_a_body() -> None:
    """An amount that went through a float is not the amount."""
    with pytest.raises(TypeError):
        to_json({"price": 0.1}, V4)


@pytest.mark.parametrize(
    ("value", "number"), [("12.500", Decimal("12.500")), (3, Decimal(3)), (Decimal("0.1"), Decimal("0.1"))]
)
def test_numbers_are_read_from_strings_and_numbers(value: Any, number: Decimal) -> None:
    """With every digit that was written."""
    assert str(decimal_of(value)) == str(number)


@pytest.mark.parametrize("value", ["", "abc", None, True, "NaN", "Infinity", "1E+999999", [], 0.1])
def test_what_is_no_number_is_none(value: Any) -> None:
    """And no crash, and no number that fills the memory when it is printed."""
    assert decimal_of(value) is None


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("/Date(1492041600000)/", datetime(2017, 4, 13, tzinfo=UTC)),
        ("/Date(1492041600000+0120)/", datetime(2017, 4, 13, tzinfo=UTC)),
        ("/Date(-86400000)/", datetime(1969, 12, 31, tzinfo=UTC)),
        ("2017-04-13", datetime(2017, 4, 13, tzinfo=UTC)),
        ("2017-04-13T01:00:00+01:00", datetime(2017, 4, 13, tzinfo=UTC)),
        ("/Date(99999999999999999)/", None),
        ("/Date(x)/", None),
        ("", None),
        (None, None),
        (5, None),
    ],
)
def test_moments_are_read_in_both_spellings(value: Any, moment: datetime | None) -> None:
    """The offset of V2 changes how it is shown, not when it is."""
    assert moment_of(value) == moment


def test_times_of_day_are_read_in_both_spellings() -> None:
    """PT11H30M00S and 11:30:00 are the same."""
    assert time_of("PT11H30M00S") == time_of("11:30:00") == time(11, 30)
    assert time_of("PT11H") == time(11)
    assert time_of("PT99H") is time_of("x") is time_of(None) is None
