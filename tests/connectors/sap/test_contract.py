"""SAP in both versions against the conformance suite."""

from __future__ import annotations

import pytest

from connectors.sap import SapOrders
from raccordo.conformance import connector_contract
from sap_counterpart import SapCounterpart, SapV4Counterpart

pytestmark = pytest.mark.sap

TestSap = connector_contract(SapOrders, SapCounterpart)
TestSapV4 = connector_contract(SapOrders, SapV4Counterpart)
