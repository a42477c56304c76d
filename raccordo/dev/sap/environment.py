"""The SAP connector's settings for this counterpart, as a process reads them."""

from __future__ import annotations

import json

from raccordo.dev.sap.server import settings_for


def environment_for(url: str, preset: str = "v2", **further: object) -> dict[str, str]:
    """Return ``RACCORDO_SAP_…`` variables for mock-sap at `url`; `further` settings by field name go on top."""
    settings = settings_for(url, preset) | further
    return {
        f"RACCORDO_SAP_{name.upper()}": json.dumps(value)
        if isinstance(value, dict)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
        for name, value in settings.items()
    }
