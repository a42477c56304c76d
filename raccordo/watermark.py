"""How far a partition may be committed: below the lowest record that is delivered and not yet done."""

from __future__ import annotations

from collections import deque


class Watermark:
    """The records of one partition that are in flight.

    Only delivered offsets are tracked. An offset that is missing from the log (compaction, control records) is never
    waited for, because nobody ever delivers it. `bytes` is the size of what is held in memory for it.
    """

    def __init__(self) -> None:
        self._in_flight: deque[tuple[int, int]] = deque()
        self._done: set[int] = set()
        self._next: int | None = None
        self.bytes = 0

    def __len__(self) -> int:
        """Count what is delivered and not done."""
        return len(self._in_flight) - len(self._done)

    def delivered(self, offset: int, size: int) -> None:
        """Take a record of `size` bytes in; offsets come in rising order."""
        self._in_flight.append((offset, size))
        self._next = offset + 1
        self.bytes += size

    def done(self, offset: int) -> None:
        """Finish a record, in any order."""
        self._done.add(offset)
        while self._in_flight and self._in_flight[0][0] in self._done:
            first, size = self._in_flight.popleft()
            self._done.remove(first)
            self.bytes -= size

    @property
    def committable(self) -> int | None:
        """The offset to commit, the next one to read; None before anything was delivered."""
        return self._in_flight[0][0] if self._in_flight else self._next
