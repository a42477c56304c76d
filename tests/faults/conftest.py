"""The plant of the fault tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plant import Plant
from raccordo.dev.sap import MockSap

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from raccordo.dev.choice import Broker


@pytest.fixture
async def plant(tmp_path: Path, kafka: Broker, unique: str) -> AsyncIterator[Plant]:
    """A namespace of its own on the shared broker, with SAP's counterpart and no worker yet."""
    with MockSap(tmp_path / "sap.db") as sap:
        async with Plant(tmp_path, kafka.bootstrap, f"t{unique}.", sap) as ready:
            yield ready
