"""SAP in both versions against the conformance suite."""

from __future__ import annotations

import pytest
from sap_counterpart import SapCounterpart, SapV4Counterpart

from connectors.sap import SapOrders
from raccordo.conformance import connector_contract

pytestmark = pytest.mark.sap

TestSap = connector_contract(SapOrders, SapCounterpart)
TestSapV4 = connector_contract(SapOrders, SapV4Counterpart)
