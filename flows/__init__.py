"""Why systems are joined: one file a business sentence. `FLOWS` is the table of contents."""

from __future__ import annotations

from flows.order_to_sap import order_to_sap

FLOWS = (order_to_sap,)
