"""Sales orders: created once, found again after a lost answer, read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.sap import carried, described, preflight
from connectors.sap.answer import SalesOrder, SalesOrderRef, same_number
from connectors.sap.request import sales_order
from connectors.sap.settings import SapConfig
from raccordo.connector import Connector, Finding, operation
from raccordo.errors import Ambiguous, Undecided
from raccordo.event import EventId
from raccordo.wire.odata import OData
from schemas.order import OrderCreated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SEVERAL = 2


class SapOrders(Connector[SapConfig, OData]):
    """Sales orders of SAP S/4HANA or ECC over OData V2 or V4."""

    @operation
    async def create_order(self, order: OrderCreated, *, key: EventId) -> SalesOrderRef:
        """Create a sales order with its items, partners and texts; our order id stands in it as customer reference.

        SAP numbers and prices it. `key` makes the request repeatable where SAP is configured for that.

        Raises:
            Rejected: SAP refused it, with its code and sentence; or it does not fit into SAP's fields.
            Ambiguous: perhaps created: `find_order` tells.
        """
        layout = self.config.layout
        entity = await self.wire.create(
            layout.service,
            layout.entity_set,
            sales_order(order, self.config),
            operation="create_order",
            key=key,
            first_made=order.placed_at,
        )
        document = SalesOrder.read(entity, layout).document
        if not document:
            raise Ambiguous(
                "it was created, but the answer names no number", system=self.system, operation="create_order"
            )
        return SalesOrderRef(document=document)

    @create_order.look
    async def find_order(self, order: OrderCreated, *, key: EventId) -> SalesOrderRef | None:  # noqa: ARG002 - a look takes what the write takes
        """Ask SAP for the sales order of our order id and customer; None if there is none yet.

        Raises:
            Undecided: there are several, or one with other lines: a person decides.
        """
        layout = self.config.layout
        mine: dict[str, SalesOrder] = {}
        async for entity in self.wire.list(
            layout.service,
            layout.entity_set,
            {layout.places["order_id"].name: order.order_id},
            operation="find_order",
            parameters=self._with_items(),
        ):
            found = SalesOrder.read(entity, layout)
            if same_number(found.order_id, order.order_id) and same_number(found.sold_to, order.customer_id):
                mine[found.document] = found
        if len(mine) >= SEVERAL:
            raise self._undecided(f"SAP has several sales orders for this order: {', '.join(sorted(mine))}")
        for document, found in mine.items():
            if difference := found.differs_from(order):
                raise self._undecided(
                    f"SAP has sales order {document} under this order's id, but {difference}"
                )
            return SalesOrderRef(document=document)
        return None

    @operation
    async def get_order(self, document: str) -> SalesOrder:
        """Read a sales order with its items, by its number with all leading zeros. Raises Missing."""
        layout = self.config.layout
        entity = await self.wire.get(
            layout.service,
            layout.entity_set,
            {layout.places["document"].name: document},
            operation="get_order",
            parameters=self._with_items(),
        )
        return SalesOrder.read(entity, layout)

    async def check(self) -> list[Finding]:
        """Look, read-only: address, sign-in, client, token, and every field that is written or read."""
        return await preflight.findings(self.config, self.wire)

    def not_carried(self, order: OrderCreated) -> list[str]:
        """Name the fields that this order has and SAP does not get, by path (``lines[].taxes[].amount``)."""
        return carried.not_carried(order, self.config)

    @classmethod
    def carried_fields(cls) -> Sequence[tuple[str, str, str]]:
        """List every field of an order with its place in SAP, or with why it has none; for the reference."""
        return described.carried_fields()

    def _with_items(self) -> Mapping[str, str]:
        return {"$expand": self.config.layout.places["items"].name}

    def _undecided(self, sentence: str) -> Undecided:
        return Undecided(sentence, system=self.system, operation="find_order")
