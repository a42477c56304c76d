"""Whether anything of a topic is still being worked on: what has to end before its keys may move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from raccordo.ledger import State
from raccordo.ledger.tables import inbox, lane

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sqlalchemy import Connection

    from raccordo.broker import Admin
    from raccordo.ledger.database import Database


def looker(admin: Admin, ledger: Database, groups: Sequence[str]) -> Callable[[str], Awaitable[str]]:
    """Make a function that says in words what is left of a topic: unread records, claimed events, parked lanes.

    `groups` are the consumer groups (flows) that read topics; one that has never committed for a topic does not
    count. The ledger must be open.
    """

    async def work_left(topic: str) -> str:
        unread = 0
        ends = await admin.end_offsets(topic)
        for group in groups:
            committed = await admin.committed(group, topic)
            if committed:
                begins = await admin.begin_offsets(topic)
                unread += sum(
                    end - (committed[partition].offset if partition in committed else begins[partition])
                    for partition, end in ends.items()
                )
        claimed, parked = await ledger.read(lambda connection: _counted(connection, topic))
        counts = ((unread, "records to read"), (claimed, "events in flight"), (parked, "lanes parked"))
        return ", ".join(f"{count} {what}" for count, what in counts if count)

    return work_left


def _counted(connection: Connection, topic: str) -> tuple[int, int]:
    claimed = select(func.count()).where(inbox.c.topic == topic, inbox.c.state == State.CLAIMED.value)
    parked = select(func.count()).where(lane.c.topic == topic)
    return connection.execute(claimed).scalar_one(), connection.execute(parked).scalar_one()
