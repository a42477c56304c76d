"""mock-sap as the counterpart of the conformance suite, and orders to send to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from connectors.sap import SapConfig
from raccordo.conformance import Trouble
from raccordo.dev.sap import MockSap
from schemas import OrderCreated

if TYPE_CHECKING:
    from collections.abc import Sequence

PASSWORD = "pw-canary-7391"


FULL: dict[str, Any] = {
    "buyer_reference": "4500012345",
    "order_type": "224",
    "sales_area": {"organisation": "1000", "channel": "web shop", "office": "0001"},
    "requested": {"deliver_from": "2026-12-01", "deliver_until": "2026-12-05"},
    "delivery_terms": {"incoterm": "DAP", "place": "Milano"},
    "shipping": {"method": "Express", "complete": True},
    "payment_terms": {"code": "0004"},
    "ship_to": {"id": "1000002"},
    "bill_to": {"address": {"name": "ACME", "street": "Via Roma 1", "postal_code": "00100", "city": "Roma"}},
    "notes": [{"text": "Ring twice"}, {"text": "Gate 4", "subject": "DEL"}],
    "lines": [
        {
            "line_id": "1",
            "product": {"sku": "TG11", "buyer_sku": "A-1", "gtin": "4012345678901"},
            "quantity": {"value": "2.5", "unit": "KGM"},
            "price": {"amount": "24.10", "basis": "100"},
            "net_amount": "60.25",
            "requested": {"deliver_until": "2026-12-24"},
            "plant": "1710",
            "free_of_charge": True,
            "notes": [{"text": "Blue"}],
        }
    ],
}
"""Members of an order that uses much of the contract."""


def sap_config(**members: Any) -> SapConfig:
    """Settings that follow SAP's published service, with what is named changed."""
    base = {"url": "http://sap", "sales_organisation": "1710", "distribution_channel": "10", "division": "00"}
    return SapConfig.model_validate(base | members)


def an_order(number: int = 1, *, count: int = 2, **members: Any) -> OrderCreated:
    """An order of customer 1000001, different for each number."""
    body = {
        "order_id": f"O-{number}",
        "customer_id": "1000001",
        "placed_at": "2026-11-22T10:00:00Z",
        "currency": "EUR",
        "lines": [
            {"line_id": str(line), "product": {"sku": "TG11"}, "quantity": {"value": str(line)}}
            for line in range(1, count + 1)
        ],
    }
    return OrderCreated.model_validate(body | members)


class SapCounterpart:
    """A fresh mock-sap that asks for a password, told through faults what to do wrong."""

    preset = "v2"

    def __init__(self) -> None:
        self._sap = MockSap(basic_auth=f"robot:{PASSWORD}")
        sign_in = {"user": "robot", "password": PASSWORD, "timeout": 10}
        self.config = SapConfig.model_validate(self._sap.settings(self.preset) | sign_in)
        self.secrets: Sequence[str] = (PASSWORD,)

    def call(self, number: int) -> tuple[OrderCreated]:
        """One order."""
        return (an_order(number),)

    def make(self, trouble: Trouble, detail: str = "") -> None:
        """Put the fault in force that makes the trouble."""
        if trouble is Trouble.SIGN_IN_EXPIRED:
            self._sap.expire_tokens()
            return
        faults: dict[Trouble, dict[str, Any]] = {
            Trouble.ANSWER_LOST: {"kind": "drop"},
            Trouble.GARBLED: {"kind": "garble"},
            Trouble.THROTTLED: {"kind": "status", "status": 429, "retry_after": detail},
            Trouble.REFUSED: {"kind": "refuse", "message": detail},
            Trouble.FORBIDDEN: {"kind": "status", "status": 403},
            Trouble.SIGN_IN_REFUSED: {"kind": "status", "status": 401, "method": "", "path": "", "times": 0},
            Trouble.REDIRECTED: {"kind": "redirect", "message": detail},
            Trouble.SIGN_IN_PAGE: {"kind": "sign-in"},
            Trouble.PAGES_IN_A_CIRCLE: {"kind": "circle", "method": "GET", "times": 0},
        }
        self._sap.fail(**faults[trouble])

    def effects(self, number: int) -> int:
        """How many sales orders its store holds."""
        return len(self._sap.orders().get(f"O-{number}", []))

    def writes(self) -> int:
        """How many requests wanted to change something."""
        return len(self._sap.writes())

    def sign_ins(self) -> int:
        """How many requests asked for a token."""
        return sum(
            (seen.headers or {}).get("x-csrf-token", "").lower() == "fetch" for seen in self._sap.requests
        )

    def __enter__(self) -> Self:
        self._sap.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._sap.stop()


class SapV4Counterpart(SapCounterpart):
    """The same over OData V4."""

    preset = "v4"
