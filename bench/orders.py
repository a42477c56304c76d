"""The orders that are measured: eight lines, about 1.3 kB each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from demo.orders import CUSTOMERS, order, record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raccordo.broker import Outgoing

LINES: Final = 8


def records(count: int, run: str) -> Iterator[Outgoing]:
    """Make `count` orders, each with its own id, spread over many customers."""
    for number in range(count):
        customer = f"{CUSTOMERS[number % len(CUSTOMERS)]}{number % 97:02}"
        yield record(order(f"{run}-{number}", customer, lines=LINES))
