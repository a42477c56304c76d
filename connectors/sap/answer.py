"""Sales orders as SAP gives them back, and whether one of them is ours."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from raccordo.connector import DocumentRef
from raccordo.wire.odata import Entity, decimal_of, moment_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.sap.preset import Preset
    from schemas.order import OrderCreated


class SalesOrderRef(DocumentRef):
    """The number under which SAP keeps a sales order, with its leading zeros as SAP writes them."""


class SalesOrderItem(BaseModel):
    """One item; `parent` is the item that SAP added it to (free goods, parts of a kit)."""

    model_config = ConfigDict(frozen=True)

    number: str
    material: str = ""
    customer_material: str = ""
    quantity: Decimal | None = None
    unit: str = ""
    net_amount: Decimal | None = None
    parent: str = ""
    rejection: str = ""


class SalesOrder(DocumentRef):
    """A sales order as it stands in SAP, with its items. Absent values are empty or None."""

    order_id: str = ""
    sold_to: str = ""
    currency: str = ""
    net_amount: Decimal | None = None
    deliver_on: date | None = None
    etag: str = ""
    items: tuple[SalesOrderItem, ...] = ()

    @classmethod
    def read(cls, entity: Entity, layout: Preset) -> SalesOrder:
        """Read an entity whose items were expanded."""
        take = _Taking(entity.fields, layout)
        rows = entity.fields.get(layout.places["items"].name)
        deliver_on = moment_of(take.raw("deliver_on"))
        return cls(
            document=take.text("document") or entity.key or "",
            order_id=take.text("order_id"),
            sold_to=take.text("sold_to"),
            currency=take.text("currency"),
            net_amount=decimal_of(take.raw("net_amount")),
            deliver_on=deliver_on.date() if deliver_on else None,
            etag=entity.etag or "",
            items=tuple(
                _item(row, layout)
                for row in (rows if isinstance(rows, list) else ())
                if isinstance(row, dict)
            ),
        )

    def differs_from(self, order: OrderCreated) -> str:
        """Say in what this sales order is not the one that was ordered; empty where all that can be compared agrees.

        Compared are the number of items and their quantities. Items that SAP added to others do not count. Prices are
        SAP's own, and materials may be substituted: neither says anything.
        """
        ordered = sorted(line.quantity.value for line in order.lines)
        items = [item for item in self.items if not item.parent.strip("0")]
        if len(items) != len(ordered):
            return f"it has {len(items)} items, not {len(ordered)}"
        booked = sorted(item.quantity for item in items if item.quantity is not None)
        if len(booked) == len(ordered) and booked != ordered:
            return "its quantities differ"
        return ""


def same_number(one: str, other: str) -> bool:
    """Compare two numbers as SAP does: all-digit ones without their leading zeros, others without regard to case."""
    return _plain(one) == _plain(other)


def _plain(number: str) -> str:
    number = number.strip()
    return number.lstrip("0") if number.isascii() and number.isdigit() else number.casefold()


def _item(row: Mapping[str, Any], layout: Preset) -> SalesOrderItem:
    take = _Taking(row, layout)
    return SalesOrderItem(
        number=take.text("item.number"),
        material=take.text("item.material"),
        customer_material=take.text("item.customer_material"),
        quantity=decimal_of(take.raw("item.quantity")),
        unit=take.text("item.unit"),
        net_amount=decimal_of(take.raw("item.net_amount")),
        parent=take.text("item.parent"),
        rejection=take.text("item.rejection"),
    )


class _Taking:
    """Reads fields by role from one row."""

    def __init__(self, row: Mapping[str, Any], layout: Preset) -> None:
        self._row = row
        self._layout = layout

    def raw(self, role: str) -> Any:
        return self._row.get(self._layout.places[role].name)

    def text(self, role: str) -> str:
        value = self.raw(role)
        return value.strip() if isinstance(value, str) else ""
