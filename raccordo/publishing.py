"""Publishing many events from outside the line: in order, a bounded number under way, every one acknowledged."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from raccordo.broker.sentences import missing_topic
from raccordo.codec import encode
from raccordo.errors import BrokerError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from raccordo.broker import Admin, Producer
    from raccordo.event import Event

WINDOW: Final = 500
"""Records without acknowledgement at once."""


class Unfinished(Exception):
    """Publishing stopped in the middle: `acknowledged` events are written, later ones perhaps."""

    def __init__(self, acknowledged: int, cause: BrokerError) -> None:
        self.acknowledged = acknowledged
        self.cause = cause
        super().__init__(str(cause))


async def require_topic(admin: Admin, topic: str) -> None:
    """Raise ConfigError unless the topic is there; BrokerError where no broker answers."""
    if topic not in await admin.topics():
        raise ConfigError(missing_topic(topic))


async def publish(
    events: Iterable[Event[Any]],
    producer: Producer,
    *,
    patience: float,
    acknowledged: Callable[[Event[Any]], None],
) -> int:
    """Publish events in order and return how many; each is told to `acknowledged` once all replicas have it.

    A broker that acknowledges nothing for `patience` seconds ends it. Raises Unfinished: publishing the same events
    again completes them, since their ids stay the same.
    """
    waiting: deque[tuple[Event[Any], Awaitable[None]]] = deque()
    done = 0

    async def settle(most: int) -> None:
        nonlocal done
        while len(waiting) > most:
            event, sent = waiting.popleft()
            try:
                async with asyncio.timeout(patience):
                    await sent
            except TimeoutError:
                message = f"The broker has acknowledged nothing for {patience:g} s."
                raise Unfinished(done, BrokerError(message)) from None
            except BrokerError as error:
                raise Unfinished(done, error) from error
            done += 1
            acknowledged(event)

    for event in events:
        waiting.append((event, producer.send(encode(event))))
        await settle(WINDOW - 1)
    await settle(0)
    return done
