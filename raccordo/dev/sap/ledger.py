"""What SAP's counterpart has booked, read from its database file: a witness that no fault and no client touches."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BASELINE = "raccordo_baseline"
"""Our own table in its file: the last row of the sales orders that it had before anybody placed one."""


@dataclass(frozen=True, slots=True)
class BookedOrder:
    """One sales order in the store; `sequence` grows in the order of creation."""

    sequence: int
    document: str
    order_id: str
    customer: str
    items: int


def booked(database: Path) -> dict[str, list[BookedOrder]]:
    """Return the sales orders that were placed, by order id (PurchaseOrderByCustomer), each in order of creation.

    More than one under an id means booked more than once. Orders that the counterpart was delivered with are left out.
    The file may be in use.
    """
    orders: dict[str, list[BookedOrder]] = {}
    for order in booked_in_order(database):
        orders.setdefault(order.order_id, []).append(order)
    return orders


def booked_in_order(database: Path) -> list[BookedOrder]:
    """Return the sales orders that were placed, in order of creation."""
    with closing(
        sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
    ) as connection:
        rows = connection.execute(
            'SELECT o.rowid, o."SalesOrder", o."PurchaseOrderByCustomer", o."SoldToParty",'
            ' (SELECT COUNT(*) FROM "A_SalesOrderItem" i WHERE i."SalesOrder" = o."SalesOrder")'
            ' FROM "A_SalesOrder" o WHERE o.rowid > (SELECT COALESCE(MAX(last), 0) FROM raccordo_baseline)'
            " ORDER BY o.rowid"
        ).fetchall()
    return [BookedOrder(row[0], row[1], row[2] or "", row[3] or "", row[4]) for row in rows]


def draw_baseline(connection: sqlite3.Connection) -> None:
    """Remember, in a new store, which sales orders were there from the start."""
    connection.execute(f"CREATE TABLE IF NOT EXISTS {BASELINE} (last INTEGER NOT NULL)")
    if connection.execute(f"SELECT COUNT(*) FROM {BASELINE}").fetchone()[0] == 0:  # noqa: S608 - our own constant
        connection.execute(f'INSERT INTO {BASELINE} SELECT COALESCE(MAX(rowid), 0) FROM "A_SalesOrder"')  # noqa: S608
    connection.commit()
