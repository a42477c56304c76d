"""What is stored comes back exactly, or is shown to have been damaged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raccordo.ledger.headers import pack, unpack
from raccordo.ledger.words import LONGEST_VALUE, exact, original, remark, value

any_text = st.text(st.characters(exclude_categories=()))


@given(st.lists(st.tuples(any_text, st.binary())))
def test_headers_come_back_in_order_with_repeats(headers: list[tuple[str, bytes]]) -> None:
    assert unpack(pack(tuple(headers))) == tuple(headers)


@given(st.lists(st.tuples(st.text(), st.binary()), min_size=1), st.integers(min_value=1, max_value=7))
def test_headers_that_were_cut_are_refused(headers: list[tuple[str, bytes]], cut: int) -> None:
    with pytest.raises(ValueError, match="cut off"):
        unpack(pack(tuple(headers))[:-cut])


@given(any_text)
def test_an_identity_is_storable_and_comes_back_exactly(text: str) -> None:
    stored = exact(text)

    assert "\x00" not in stored
    stored.encode()
    assert original(stored) == text


@given(any_text)
def test_a_remark_is_storable(text: str) -> None:
    assert "\x00" not in remark(text)
    remark(text).encode()


@given(st.text(min_size=LONGEST_VALUE))
def test_a_long_business_key_is_found_by_its_digest(text: str) -> None:
    assert len(value(text).encode()) <= LONGEST_VALUE
    assert value(text) != value(text + "x")
