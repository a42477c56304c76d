from __future__ import annotations

import contextlib
import json
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raccordo import strictjson
from raccordo.errors import Undecodable

numbers = st.integers(-strictjson.MAX_INTEGER, strictjson.MAX_INTEGER)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


def refusal(body: bytes) -> Undecodable:
    with pytest.raises(Undecodable) as caught:
        strictjson.loads(body)
    return caught.value


@pytest.mark.parametrize(
    ("body", "path", "message"),
    [
        (b"", "$", "empty"),
        (b"\xef\xbb\xbf{}", "$", "byte order mark"),
        (b'{"a":"\xff"}', "$", "byte 6 is not valid UTF-8"),
        (b'{"lines":[{"q":1},{"q":NaN}]}', "$.lines[1].q", "NaN is not JSON"),
        (b'{"lines":[1,-Infinity]}', "$.lines[1]", "-Infinity is not JSON"),
        (b'{"a":1e400}', "$.a", "no IEEE double"),
        (b'{"a":-1E400}', "$.a", "no IEEE double"),
        (b'{"a":0.' + b"1" * 60 + b"}", "$.a", "more than 40 characters"),
        (b'{"a":[0,{"b":1,"c":{},"b":2}]}', "$.a[1].b", "duplicate name"),
        (b'{"a":9007199254740992}', "$.a", "beyond 2^53-1"),
        (b'{"a":' + b"9" * 100_000 + b"}", "$.a", "beyond 2^53-1"),
        (b'{"a":["\\ud83d\\ude00","\\ud83d"]}', "$.a[1]", "lone surrogate"),
        (b'{"a":{"\\udc00":1}}', "$.a", "lone surrogate"),
        (b"[1] [2]", "$", "after the end"),
        (b'{"a":01}', "$.a", "expected a comma"),
        (b'{"a":1 "b":2}', "$.a", "expected a comma"),
        (b"[1,]", "$[1]", "expected a value"),
        (b'{"a":}', "$.a", "expected a value"),
        (b'{"a"', "$.a", "expected a colon"),
        (b'{"a":1,', "$", "expected a name in double quotes"),
        (b'{"a":"b', "$.a", "not closed"),
        (b'{"a b":{"it\'s":nul}}', '$["a b"]["it\'s"]', "expected a value"),
        (
            b'{"' + b"k" * 100 + b'":nul}',
            '$["' + "k" * 40 + '\u2026"]'.replace("\u2026", "\\u2026"),
            "expected",
        ),
    ],
)
def test_a_refusal_names_the_place_and_the_cause(body: bytes, path: str, message: str) -> None:
    error = refusal(body)
    assert error.path == path
    assert message in error.message


def test_a_refusal_never_repeats_a_value() -> None:
    assert "rossi" not in str(refusal(b'{"email":"rossi@example.com","email":"rossi@example.com"}'))
    assert "rossi" not in str(refusal(b'{"email":"rossi@example.com" x}'))


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
@pytest.mark.parametrize("closed", [False, True])
def test_deep_nesting_is_refused_without_recursion(opening: bytes, closed: bool) -> None:
    closing = b"]" if opening == b"[" else b"}" if opening == b'{"a":' else b"}]"
    body = opening * 50_000 + (b"1" + closing * 50_000 if closed else b"")
    limit = sys.getrecursionlimit()
    assert "nested deeper than 64" in refusal(body).message
    assert sys.getrecursionlimit() == limit


def test_nesting_up_to_the_limit_is_read_and_one_more_is_not() -> None:
    assert strictjson.loads(b"[" * 64 + b"]" * 64)
    assert refusal(b"[" * 65 + b"]" * 65).path == "$" + "[0]" * 64


def test_brackets_in_strings_are_no_nesting() -> None:
    body = json.dumps({"a": ["[" * 500, "]}" * 500]}).encode()
    assert strictjson.loads(body) == {"a": ["[" * 500, "]}" * 500]}


def test_a_body_over_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(Undecodable, match="the body has 12 bytes, more than 10"):
        strictjson.loads(b'"0123456789"', max_bytes=10)


@pytest.mark.parametrize("part", [b"{},", b"0,", b"[],"])
def test_a_body_of_endless_small_parts_is_refused_before_it_is_read(part: bytes) -> None:
    """A million errors would be listed one by one, and hold up every other lane meanwhile."""
    assert "more than 100000" in refusal(b"[" + part * 100_000 + b"0]").message
    assert len(strictjson.loads(b"[" + part * 40_000 + b"0]")) == 40_001


def test_a_fraction_is_exact() -> None:
    assert strictjson.loads(b"[0.1, 1e3]") == [Decimal("0.1"), Decimal(1000)]


@given(values)
def test_what_was_written_is_read(value: Any) -> None:
    try:
        body = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    assert strictjson.loads(body) == value
    assert strictjson.loads(json.dumps(value, indent=1).encode()) == value


@given(st.binary(max_size=200))
def test_random_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(Undecodable):
        strictjson.loads(body)


@given(st.text(alphabet='[]{}:,"\\u0dD8 1-+.eEtrufalsn\n', max_size=40))
def test_both_passes_agree(text: str) -> None:
    """The slow walk refuses exactly what the quick scan or its checks refuse."""
    try:
        value = json.loads(
            text, object_pairs_hook=strictjson._members, parse_int=strictjson._integer,
            parse_float=strictjson._fraction, parse_constant=strictjson._no_constant,
        )  # fmt: skip
        json.dumps(value, ensure_ascii=False, default=str).encode()
        accepted = True
    except ValueError:
        accepted = False
    try:
        strictjson._Search(text, strictjson.MAX_DEPTH).run()
        assert accepted
    except Undecodable:
        assert not accepted
