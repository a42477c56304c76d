"""A clock that a test moves by hand."""

from __future__ import annotations

import asyncio
import heapq
import itertools


class HandClock:
    """Stands still until `advance`; sleepers wake in the order of their times."""

    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self._now = now
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = itertools.count()

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self._now

    def monotonic(self) -> float:
        """Seconds."""
        return self._now / 1000

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was moved far enough."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + round(seconds * 1000), next(self._count), waiting))
        await waiting

    async def advance(self, seconds: float) -> None:
        """Move the clock, waking each sleeper at its time and letting it run."""
        end = self._now + round(seconds * 1000)
        await self._let_run()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, waiting = heapq.heappop(self._sleepers)
            self._now = max(self._now, at)
            if not waiting.done():
                waiting.set_result(None)
            await self._let_run()
        self._now = end
        await self._let_run()

    @staticmethod
    async def _let_run() -> None:
        for _ in range(20):
            await asyncio.sleep(0)
