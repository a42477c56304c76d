"""One task does what many wait for, and they share what comes of it: a token, or the failure to get one."""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING

from raccordo.errors import ConnectorError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class SingleFlight:
    """Lets one task at a time do a thing. A failure is told to all that were waiting, who would only fail again."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._flights = 0
        self._failure: ConnectorError | None = None

    async def run(self, needed: Callable[[], bool], do: Callable[[], Awaitable[None]]) -> None:
        """Do it if it is still `needed` when our turn comes. Raises what `do` raises, our own or the one waited for."""
        boarded = self._flights
        async with self._lock:
            if self._flights != boarded and self._failure is not None:
                raise copy.copy(self._failure) from self._failure
            if not needed():
                return
            self._failure = None
            try:
                await do()
            except ConnectorError as error:
                self._failure = error
                raise
            finally:
                self._flights += 1
