"""Time as an argument, so that one seed can give one history."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Where the line reads time and waits."""

    def now(self) -> int:
        """Milliseconds since the epoch, UTC: for what is stored and compared between processes."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary point, never backwards: for measuring inside this process."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Milliseconds since the epoch, UTC."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds from an arbitrary point."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait without holding the loop."""
        await asyncio.sleep(seconds)
