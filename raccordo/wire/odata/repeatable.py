"""Repeatable requests of SAP Gateway: where the promise is kept, a repeat with the same id is executed once.

Two request headers ask for it, ``RequestID`` (32 hex digits) and ``RepeatabilityCreation`` (when the request was
first made: the same at every repeat); ``RepeatabilityResult`` answers accepted, rejected or unsupported. The
mechanism is off unless an administrator has configured it, so only a service that has said *accepted* is believed,
and only while it goes on saying so. Source: SAP Gateway, "Defining Settings for Idempotent Services".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from raccordo.event import derived_id

if TYPE_CHECKING:
    from raccordo.wire.http import Answer

GUID = re.compile(r"[0-9a-fA-F]{32}")
RESULT = "repeatabilityresult"


class Repeatability:
    """Which services keep the promise, as far as their last answer to a write has said."""

    def __init__(self) -> None:
        self._promised: set[str] = set()

    def headers(self, key: str, first_made: datetime) -> dict[str, str]:
        """Return the headers for a write with this key. `first_made` must not change from repeat to repeat.

        A key that is not 32 hex digits, as SAP wants it, is turned into such ones, always the same.
        """
        guid = key if GUID.fullmatch(key) else derived_id("RequestID", key)
        moment = first_made.astimezone(UTC).replace(microsecond=0, tzinfo=None)
        return {"RequestID": guid.upper(), "RepeatabilityCreation": f"{moment.isoformat()}Z"}

    def notice(self, service: str, answer: Answer) -> None:
        """Remember what a service's answer to a write has promised."""
        if answer.headers.get(RESULT, "").strip().lower() == "accepted":
            self._promised.add(service)
        elif answer.ok:
            self._promised.discard(service)

    def promised(self, service: str) -> bool:
        """Tell whether a repeat at this service would be executed once."""
        return service in self._promised
