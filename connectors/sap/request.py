"""An order as SAP's deep insert. What does not fit is refused here, with every reason at once, and never cut."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from raccordo.errors import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from connectors.sap.preset import Preset
    from connectors.sap.settings import SapConfig
    from raccordo.wire.odata import Value
    from schemas.delivery import RequestedDates
    from schemas.order import OrderCreated, OrderLine
    from schemas.party import Party
    from schemas.quantity import UnitCode

REFUSED = "does-not-fit"
"""The code of a refusal that SAP was not asked for."""


def sales_order(order: OrderCreated, config: SapConfig) -> dict[str, Any]:
    """Return the body of the creation, with items, partners and texts nested in it.

    Net amounts are never sent: SAP's pricing fills them. Prices travel as conditions where the settings name one.

    Raises:
        Rejected: a value is too long for its field, or a line names no product that SAP could know.
    """
    body = _Body(config)
    header: dict[str, Any] = {}
    for role, value in _header(order, config).items():
        body.put(header, role, value, role)
    body.nest(header, "partners", _partners(order, config, body))
    body.nest(header, "texts", _texts(_header_notes(order, body), "text", config, body))
    body.nest(header, "items", [_item(line, order, config, body) for line in order.lines])
    if body.problems:
        raise Rejected(
            f"the order does not fit into SAP: {'; '.join(body.problems)}",
            system=config.name,
            operation="create_order",
            code=REFUSED,
        )
    return header


class _Body:
    """Puts values into their places and collects what does not fit."""

    def __init__(self, config: SapConfig) -> None:
        self.layout: Preset = config.layout
        self.problems: list[str] = []

    def has(self, role: str) -> bool:
        return bool(self.layout.places[role].name)

    def put(self, row: dict[str, Any], role: str, value: Value, what: str) -> None:
        """Put a value where there is one and a place for it; `what` names it in a refusal."""
        place = self.layout.places[role]
        if value is None or value == "" or not place.name:
            return
        if isinstance(value, str) and place.max_length is not None and len(value) > place.max_length:
            self.problems.append(f"{what} has {len(value)} characters, {place.name} takes {place.max_length}")
        if isinstance(value, Decimal) and not _fits(value, place.digits, place.decimals):
            self.problems.append(
                f"{what} has more digits than {place.name} takes ({place.digits}, {place.decimals})"
            )
        row[place.name] = value

    def nest(self, row: dict[str, Any], role: str, rows: list[dict[str, Any]]) -> None:
        """Put nested entities where there are any and a place for them."""
        if rows and self.has(role):
            row[self.layout.places[role].name] = rows


def _header(order: OrderCreated, config: SapConfig) -> dict[str, Value]:
    area, terms, shipping = order.sales_area, order.delivery_terms, order.shipping
    payment = order.payment_terms.code if order.payment_terms else None
    return {
        "order_type": config.order_types.get(order.order_type or "", config.order_type),
        "organisation": _key(area.organisation if area else None, 4) or config.sales_organisation,
        "channel": _key(area.channel if area else None, 2) or config.distribution_channel,
        "division": _key(area.division if area else None, 2) or config.division,
        "office": _key(area.office if area else None, 4),
        "group": _key(area.group if area else None, 3),
        "sold_to": order.customer_id,
        "order_id": order.order_id,
        "buyer_reference": order.buyer_reference,
        "placed_on": order.placed_at.astimezone(UTC).date(),
        "currency": order.currency,
        "deliver_on": wanted_on(order.requested),
        "complete": shipping.complete if shipping else None,
        "shipping_condition": shipping_condition(order, config),
        "incoterm": terms.incoterm if terms else None,
        "incoterm_place": terms.place if terms else None,
        "payment_terms": config.payment_terms.get(payment, payment) if payment else None,
    }


def _item(line: OrderLine, order: OrderCreated, config: SapConfig, body: _Body) -> dict[str, Any]:
    row: dict[str, Any] = {}
    where = f"line {line.line_id}"
    product = line.product
    values: dict[str, Value] = {
        "item.material": product.sku,
        "item.customer_material": product.buyer_sku,
        "item.gtin": product.gtin,
        "item.quantity": line.quantity.value,
        "item.unit": _unit(line.quantity.unit, config, body),
        "item.deliver_on": wanted_on(line.requested),
        "item.plant": line.plant,
        "item.category": config.free_category if line.free_of_charge else None,
    }
    for role, value in values.items():
        body.put(row, role, value, f"{where} {role.removeprefix('item.')}")
    if not any(
        values[role] and body.has(role) for role in ("item.material", "item.customer_material", "item.gtin")
    ):
        body.problems.append(f"{where} names no product number that SAP knows (sku, buyer_sku)")
    body.nest(row, "item.prices", _prices(line, order, config, body))
    body.nest(
        row,
        "item.texts",
        _texts([(note.subject, note.text) for note in line.notes], "item_text", config, body),
    )
    return row


def _prices(line: OrderLine, order: OrderCreated, config: SapConfig, body: _Body) -> list[dict[str, Any]]:
    if line.price is None or not sends_prices(order, config):
        return []
    row: dict[str, Any] = {}
    unit = line.price.basis_unit or line.quantity.unit
    for role, value in (
        ("price.condition", config.price_condition),
        ("price.amount", line.price.amount),
        ("price.currency", order.currency),
        ("price.basis", line.price.basis),
        ("price.unit", _unit(unit, config, body)),
    ):
        body.put(row, role, value, f"line {line.line_id} {role}")
    return [row]


def _partners(order: OrderCreated, config: SapConfig, body: _Body) -> list[dict[str, Any]]:
    rows = []
    for name, party in parties(order):
        function = config.partner_functions.get(name)
        if party is None or party.id is None or not function:
            continue
        row: dict[str, Any] = {}
        body.put(row, "partner.function", function, f"{name} function")
        body.put(row, "partner.customer", party.id, f"{name}.id")
        rows.append(row)
    return rows


def _header_notes(order: OrderCreated, body: _Body) -> list[tuple[str | None, str]]:
    """Notes, and what has no field but must not be lost: the buyer's number, addresses without a customer number."""
    notes = [(note.subject, note.text) for note in order.notes]
    if order.buyer_reference and not body.has("buyer_reference"):
        notes.append((None, f"Buyer's order number: {order.buyer_reference}"))
    notes.extend(
        (None, f"{name.replace('_', '-').capitalize()} address: {written}")
        for name, party in parties(order)
        if party is not None and party.id is None and (written := _written(party))
    )
    return notes


def _texts(
    notes: Iterable[tuple[str | None, str]], prefix: str, config: SapConfig, body: _Body
) -> list[dict[str, Any]]:
    """One text for each text id: SAP keeps one for each id and language."""
    by_id: dict[str, list[str]] = {}
    for subject, text in notes:
        by_id.setdefault(config.text_ids.get(subject or "", config.text_id), []).append(text)
    rows = []
    for text_id, texts in by_id.items():
        if not text_id:
            continue
        row: dict[str, Any] = {}
        body.put(row, f"{prefix}.language", config.language, "language")
        body.put(row, f"{prefix}.id", text_id, "text id")
        body.put(row, f"{prefix}.text", "\n".join(texts), "text")
        rows.append(row)
    return rows


def parties(order: OrderCreated) -> tuple[tuple[str, Party | None], ...]:
    """Return the parties that SAP has a partner function for, beside the sold-to, by the order's names."""
    return (("ship_to", order.ship_to), ("bill_to", order.bill_to), ("payer", order.payer))


def wanted_on(dates: RequestedDates | None) -> date | None:
    """Return the one day that SAP keeps of a period: its first."""
    return (dates.deliver_from or dates.deliver_until) if dates else None


def shipping_condition(order: OrderCreated, config: SapConfig) -> str | None:
    """Return SAP's key for the chosen shipping method, where the settings translate it."""
    if order.shipping is None:
        return None
    chosen = (order.shipping.method_code, order.shipping.method)
    return next(
        (config.shipping_conditions[name] for name in chosen if name in config.shipping_conditions), None
    )


def sends_prices(order: OrderCreated, config: SapConfig) -> bool:
    """Tell whether prices are sent: SAP's price conditions are net, so prices with tax are not."""
    return bool(config.price_condition) and not order.prices_include_tax


def _unit(code: UnitCode, config: SapConfig, body: _Body) -> str:
    return code if body.layout.units_by_unece else config.sap_unit(code)


def _key(name: str | None, longest: int) -> str | None:
    """Return a key of SAP's; a longer one is the shop's own name for something and no key."""
    return name if name is not None and len(name) <= longest else None


def _fits(value: Decimal, digits: int | None, decimals: int | None) -> bool:
    if digits is None or decimals is None:
        return True
    exponent = value.normalize().as_tuple().exponent
    return isinstance(exponent, int) and -exponent <= decimals and value.adjusted() < digits - decimals


def _written(party: Party) -> str:
    address = party.address
    if address is None:
        return ""
    town = " ".join(part for part in (address.postal_code, address.city) if part)
    street = (address.street, address.street_2, address.street_3, address.po_box)
    return ", ".join(
        part
        for part in (address.name, address.name_2, *street, town, address.region, address.country)
        if part
    )
