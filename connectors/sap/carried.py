"""Which field of an order has a place in SAP, and which has none.

Every field of the contract is in one of two tables, by its path; an entry speaks for everything below it. A path that
is in neither fails the suite, so that a new field of the contract is placed or declared, never forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.sap.request import parties, sends_prices, shipping_condition, wanted_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import TypeAlias

    from connectors.sap.settings import SapConfig
    from schemas.delivery import RequestedDates
    from schemas.order import OrderCreated

    Condition: TypeAlias = Callable[[OrderCreated, SapConfig], bool]

PLACED: Mapping[str, tuple[str, ...]] = {
    # path: the roles it may stand in, the first that the system has
    "order_id": ("order_id",),
    "customer_id": ("sold_to",),
    "buyer_reference": ("buyer_reference", "texts"),
    "placed_at": ("placed_on",),
    "currency": ("currency",),
    "order_type": ("order_type",),
    "sales_area.organisation": ("organisation",),
    "sales_area.channel": ("channel",),
    "sales_area.division": ("division",),
    "sales_area.office": ("office",),
    "sales_area.group": ("group",),
    "requested.deliver_from": ("deliver_on",),
    "requested.deliver_until": ("deliver_on",),
    "delivery_terms.incoterm": ("incoterm",),
    "delivery_terms.place": ("incoterm_place",),
    "payment_terms.code": ("payment_terms",),
    "shipping.complete": ("complete",),
    "shipping.method": ("shipping_condition",),
    "shipping.method_code": ("shipping_condition",),
    "ship_to.id": ("partners",),
    "ship_to.address": ("texts",),
    "bill_to.id": ("partners",),
    "bill_to.address": ("texts",),
    "payer.id": ("partners",),
    "payer.address": ("texts",),
    "notes[].text": ("texts",),
    "notes[].subject": ("texts",),
    "lines[].product.sku": ("item.material",),
    "lines[].product.buyer_sku": ("item.customer_material",),
    "lines[].product.gtin": ("item.gtin",),
    "lines[].quantity": ("item.quantity",),
    "lines[].price.amount": ("item.prices",),
    "lines[].price.basis": ("item.prices",),
    "lines[].price.basis_unit": ("item.prices",),
    "lines[].requested.deliver_from": ("item.deliver_on",),
    "lines[].requested.deliver_until": ("item.deliver_on",),
    "lines[].plant": ("item.plant",),
    "lines[].free_of_charge": ("item.category",),
    "lines[].notes[].text": ("item.texts",),
    "lines[].notes[].subject": ("item.texts",),
}

NOT_PLACED: Mapping[str, str] = {
    # path: why SAP's published service has no place for it
    "order_number": "SAP has two reference fields, for our order id and for the buyer's number",
    "valid_until": "a sales order has no last day of acceptance",
    "prices_include_tax": "prices with tax are not sent: SAP's price conditions are net",
    "sold_to": "SAP takes the customer's master data by customer_id",
    "ship_to": "SAP takes the partner's master data by its number",
    "bill_to": "SAP takes the partner's master data by its number",
    "payer": "SAP takes the partner's master data by its number",
    "seller": "the sales organisation is the seller",
    "parties": "no partner function is configured for them",
    "requested": "SAP keeps one requested day",
    "delivery_terms.text": "SAP has Incoterms only",
    "shipping": "SAP has a shipping condition and complete delivery; freight is priced by SAP",
    "payment_terms": "SAP knows payment terms by their key",
    "payments": "payments travel on their own topic",
    "sales_area.shop": "SAP has no shop",
    "cost_center": "the buyer's own account has no field",
    "allowances_charges": "SAP finds discounts and surcharges",
    "taxes": "SAP computes taxes",
    "totals": "SAP computes totals",
    "references": "SAP refers to its own documents only",
    "notes[].language": "texts are filed in the language of the sign-in",
    "attributes": "the service has no free fields",
    "lines[].line_id": "SAP numbers the items, in the order of the lines",
    "lines[].product": "SAP knows products by its material number or the customer's",
    "lines[].price": "SAP has one amount for a condition",
    "lines[].net_amount": "SAP computes net amounts",
    "lines[].allowances_charges": "SAP finds discounts and surcharges",
    "lines[].taxes": "SAP computes taxes",
    "lines[].buyer_line_id": "an item has no field for the buyer's number of it",
    "lines[].parent_line_id": "SAP explodes kits by its own bills of material",
    "lines[].requested": "SAP keeps one requested day",
    "lines[].schedule": "schedule lines cannot be created with the order",
    "lines[].ship_to": "a ship-to of single items is not sent",
    "lines[].parties": "partners of single items are not sent",
    "lines[].shipping": "shipping of single items is not sent",
    "lines[].net_weight": "SAP takes weights from the material",
    "lines[].gross_weight": "SAP takes weights from the material",
    "lines[].pack_size": "SAP takes packing from the material",
    "lines[].cost_center": "the buyer's own account has no field",
    "lines[].partial_delivery": "SAP takes it from the customer's master data",
    "lines[].references": "SAP refers to its own documents only",
    "lines[].notes[].language": "texts are filed in the language of the sign-in",
    "lines[].attributes": "the service has no free fields",
}


def not_carried(order: OrderCreated, config: SapConfig) -> list[str]:
    """Name the fields that this order has and SAP does not get under these settings, by path, sorted, each once."""
    filled = dict.fromkeys(_leaves(order.model_dump(exclude_none=True, exclude_defaults=True), ""))
    return sorted(path for path in filled if not _is_carried(path, order, config))


def entry_for(path: str, table: Mapping[str, Any]) -> str | None:
    """Return the table's entry that speaks for a path: its own, or that of something it is a part of."""
    while path:
        if path in table:
            return path
        path = path[: max(path.rfind("."), 0)].removesuffix("[]") if not path.endswith("[]") else path[:-2]
    return None


def _is_carried(path: str, order: OrderCreated, config: SapConfig) -> bool:
    entry = entry_for(path, PLACED)
    if entry is None:
        return False
    places = config.layout.places
    here = any(_has(role, places[role].name, config) for role in PLACED[entry])
    return here and (entry not in SENT_IF or SENT_IF[entry](order, config))


def _has(role: str, name: str, config: SapConfig) -> bool:
    """Tell whether the system has a place for a role, and the settings say what to write there."""
    if role in ("texts", "item.texts"):
        return bool(name) and bool(config.text_id or config.text_ids)
    if role == "item.category":
        return bool(name) and bool(config.free_category)
    return bool(name)


def _fits(part: str, length: int) -> Condition:
    """A sales area's part is sent where it is short enough to be SAP's key."""
    return lambda order, _config: (
        order.sales_area is not None and len(getattr(order.sales_area, part) or "") <= length
    )


def _function(name: str) -> Condition:
    return lambda _order, config: bool(config.partner_functions.get(name))


def _nameless(name: str) -> Condition:
    """An address is written down where no customer number stands for it."""

    def sent(order: OrderCreated, _config: SapConfig) -> bool:
        party = dict(parties(order))[name]
        return party is not None and party.id is None

    return sent


def _last_days_are_first(dates: Iterable[RequestedDates | None]) -> bool:
    return all(
        wanted_on(period) == period.deliver_until for period in dates if period and period.deliver_until
    )


SENT_IF: Mapping[str, Condition] = {
    # of what has a place, what goes there only under a condition
    "order_type": lambda order, config: order.order_type in config.order_types,
    "shipping.method": lambda order, config: shipping_condition(order, config) is not None,
    "shipping.method_code": lambda order, config: shipping_condition(order, config) is not None,
    "sales_area.organisation": _fits("organisation", 4),
    "sales_area.channel": _fits("channel", 2),
    "sales_area.division": _fits("division", 2),
    "sales_area.office": _fits("office", 4),
    "sales_area.group": _fits("group", 3),
    "requested.deliver_until": lambda order, _: _last_days_are_first((order.requested,)),
    "lines[].requested.deliver_until": lambda order, _: _last_days_are_first(
        line.requested for line in order.lines
    ),
    "lines[].price.amount": sends_prices,
    "lines[].price.basis": sends_prices,
    "lines[].price.basis_unit": sends_prices,
    "ship_to.id": _function("ship_to"),
    "ship_to.address": _nameless("ship_to"),
    "bill_to.id": _function("bill_to"),
    "bill_to.address": _nameless("bill_to"),
    "payer.id": _function("payer"),
    "payer.address": _nameless("payer"),
}


def _leaves(value: Any, path: str) -> Iterator[str]:
    """Name what is filled, by path; items of a list are ``[]``, free attributes count as one."""
    if isinstance(value, dict) and not path.endswith(("attributes", "identifiers")):
        for name, member in value.items():
            yield from _leaves(member, f"{path}.{name}" if path else name)
    elif isinstance(value, (list, tuple)):
        for member in value:
            yield from _leaves(member, f"{path}[]")
    else:
        yield path
