"""The watermark never passes what is unfinished."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from raccordo.watermark import Watermark


def test_nothing_is_committable_before_anything_was_delivered() -> None:
    assert Watermark().committable is None


def test_an_offset_missing_from_the_log_is_never_waited_for() -> None:
    mark = Watermark()
    for offset in (3, 7, 11):
        mark.delivered(offset, 10)
    mark.done(3)
    mark.done(7)
    assert mark.committable == 11
    mark.done(11)
    assert mark.committable == 12


def test_bytes_count_what_is_held_in_memory() -> None:
    mark = Watermark()
    mark.delivered(1, 100)
    mark.delivered(2, 50)
    mark.done(2)
    assert mark.bytes == 150
    mark.done(1)
    assert mark.bytes == 0


@given(
    offsets=st.lists(st.integers(0, 10_000), unique=True, min_size=1, max_size=60).map(sorted),
    data=st.data(),
)
def test_in_any_order_the_watermark_is_the_lowest_unfinished_delivered_offset(
    offsets: list[int], data: st.DataObject
) -> None:
    mark = Watermark()
    unfinished: list[int] = []
    waiting = list(offsets)
    highest = None
    while waiting or unfinished:
        if waiting and (not unfinished or data.draw(st.booleans())):
            highest = waiting.pop(0)
            mark.delivered(highest, 1)
            unfinished.append(highest)
        else:
            chosen = data.draw(st.sampled_from(unfinished))
            unfinished.remove(chosen)
            mark.done(chosen)
        expected = min(unfinished) if unfinished else None if highest is None else highest + 1
        assert mark.committable == expected
        assert len(mark) == len(unfinished)
