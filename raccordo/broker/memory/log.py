"""The records of one partition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raccordo.broker import Partition, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raccordo.broker import Outgoing


class Log:
    """An append-only list whose head can be deleted. `begin` is the first offset held, `end` the next one."""

    def __init__(self) -> None:
        self.begin = 0
        self._records: list[Record] = []

    @property
    def end(self) -> int:
        """The next offset to be written."""
        return self.begin + len(self._records)

    def append(self, partition: Partition, record: Outgoing, timestamp: int) -> None:
        """Write one record."""
        self._records.append(
            Record(partition, self.end, record.key, record.value, tuple(record.headers), timestamp)
        )

    def read(self, offset: int, limit: int) -> Sequence[Record]:
        """Return at most `limit` records from `offset` on."""
        start = offset - self.begin
        return self._records[start : start + limit]

    def delete(self, before: int) -> None:
        """Forget the records below an offset."""
        del self._records[: max(0, before - self.begin)]
        self.begin = max(self.begin, before)
