"""SAP S/4HANA and ECC: sales orders over OData.

- `orders`: SapOrders, what flows use
- `settings`: SapConfig
- `preset`: the names and lengths that SAP has published for V2 and V4
- `request`: an order as SAP's deep insert
- `carried`: which field of an order has a place there
- `described`: the same in words, for the reference
- `answer`: sales orders as SAP gives them back, and whether one is ours
- `preflight`: what `connectors check` looks at
"""

from connectors.sap.answer import SalesOrder, SalesOrderItem, SalesOrderRef
from connectors.sap.orders import SapOrders
from connectors.sap.settings import SapConfig

__all__ = ["SalesOrder", "SalesOrderItem", "SalesOrderRef", "SapConfig", "SapOrders"]
