"""Orders of third parties through the whole line into SAP: as they came, and with SAP's numbers in them.

What they carry fits; what they number in their own way (a GLN or an e-mail address for the customer, an EAN for the
product) is SAP's master data to know. The connector refuses such an order before it sends anything, with every reason.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from demo.orders import CUSTOMERS, SKUS, record
from real_orders import PRESENT, WHY_ABSENT, real_orders

if TYPE_CHECKING:
    from plant import Plant
    from schemas import OrderCreated

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.timeout(120),
    pytest.mark.skipif(not PRESENT, reason=WHY_ABSENT),
]

PRODUCTS = tuple(SKUS)
CUSTOMER, SHIP_TO, PRODUCT = "customer number", "ship-to number", "product number"
REFUSED: dict[str, set[str]] = {
    "shopify": {PRODUCT},
    "orocommerce": {CUSTOMER, PRODUCT},
    "peppol-example": {CUSTOMER, SHIP_TO},
    "peppol-sc1": {PRODUCT},
    "peppol-uc1": {CUSTOMER},
    "peppol-uc2": {CUSTOMER, PRODUCT},
    "peppol-uc3": {CUSTOMER, PRODUCT},
    "nso-supply": {SHIP_TO},
    "nso-discount": {SHIP_TO},
    "nso-gtin": {SHIP_TO},
    "idoc-small": {PRODUCT},
    "edifact-open-trans": {CUSTOMER},
    "edifact-kramp": {CUSTOMER},
    "edifact-d01b": {CUSTOMER, SHIP_TO},
    "edifact-pydifact": {CUSTOMER, PRODUCT},
    "edifact-group": {CUSTOMER},
    "edifact-books": {PRODUCT},
    "x12-aerospace": {PRODUCT},
}
"""What is not SAP's in the documents that are not booked as they came."""

REASONS = {
    CUSTOMER: r"sold_to has \d+ characters, SoldToParty takes 10",
    SHIP_TO: r"ship_to\.id has \d+ characters, Customer takes 10",
    PRODUCT: r"line \w+ names no product number that SAP knows \(sku, buyer_sku\)",
}


def _numbered(order: OrderCreated, number: int) -> OrderCreated:
    """Give an order the numbers that SAP has for its customer and products: what master data does."""
    body = order.model_dump()
    body["customer_id"] = CUSTOMERS[number % len(CUSTOMERS)]
    for role in ("ship_to", "bill_to", "payer"):
        if body[role] and body[role]["id"]:
            body[role]["id"] = body["customer_id"]
    for place, line in enumerate(body["lines"]):
        line["product"]["sku"] = PRODUCTS[place % len(PRODUCTS)]
    return type(order).model_validate(body)


async def test_every_real_order_as_it_came_is_booked_once_or_refused_with_every_reason(plant: Plant) -> None:
    orders = dict(real_orders())
    plant.worker()
    await plant.send(record(order, event_id=name) for name, order in orders.items())
    await plant.answered([order.order_id for order in orders.values()])
    reasons = {
        name: plant.told.rejected[order.order_id]
        for name, order in orders.items()
        if order.order_id in plant.told.rejected
    }
    assert {name: _kinds(reason) for name, reason in reasons.items()} == REFUSED
    _check(plant, {name: order for name, order in orders.items() if name not in REFUSED})
    assert len(plant.sap.writes()) == len(orders) - len(REFUSED), "what is refused here is not sent"
    assert plant.told.dead == []


async def test_every_real_order_with_saps_own_numbers_is_booked_once_with_all_its_lines(plant: Plant) -> None:
    orders = {name: _numbered(order, number) for number, (name, order) in enumerate(real_orders())}
    assert len(orders) >= 12
    plant.worker()
    await plant.send(record(order, event_id=name) for name, order in orders.items())
    await plant.answered([order.order_id for order in orders.values()])
    assert plant.told.rejected == {}
    _check(plant, orders)
    assert plant.told.dead == []


def _check(plant: Plant, orders: dict[str, OrderCreated]) -> None:
    """Each is booked once, with as many items as it has lines."""
    plant.check_once([order.order_id for order in orders.values()])
    booked = plant.sap.orders()
    items = {name: booked[order.order_id][0].items for name, order in orders.items()}
    assert items == {name: len(order.lines) for name, order in orders.items()}


def _kinds(reason: str) -> set[str]:
    """What a refusal names; nothing else may stand in it."""
    code, _, said = reason.partition(" the order does not fit into SAP: ")
    assert code == "does-not-fit", reason
    kinds = set()
    for part in said.split("; "):
        kinds.add(next((kind for kind, words in REASONS.items() if re.fullmatch(words, part)), part))
    return kinds
