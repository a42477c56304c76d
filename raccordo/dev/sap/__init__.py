"""SAP's counterpart for the demo and the tests: mock-sap, with the faults it lacks and a ledger of what it booked.

- `server`: MockSap, in this process; ``python -m raccordo.dev.sap`` runs it in a process of its own
- `faults`: what goes wrong on purpose, before and after the commit
- `ledger`: the sales orders in its store, read from the database file and never through its own answers
- `environment`: the settings with which the connector reaches it
"""

from raccordo.dev.sap.faults import Fault, Kind
from raccordo.dev.sap.ledger import BookedOrder, booked
from raccordo.dev.sap.server import MockSap, settings_for

__all__ = ["BookedOrder", "Fault", "Kind", "MockSap", "booked", "settings_for"]
