"""Reads topics as a member of a Kafka group: ownership, pausing and fairness over `Membership`."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka import errors as kafka

from raccordo.broker import Partition, Record
from raccordo.broker.kafka.errors import is_fencing, translated
from raccordo.broker.kafka.membership import Membership
from raccordo.broker.sentences import commit_refused, member_taken_over, out_of_range
from raccordo.errors import BrokerError, ConfigError, OutOfRange, OwnershipLost, RaccordoError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from raccordo.broker import Headers, Ownership, Position
    from raccordo.broker.settings import KafkaSettings

NOTHING = TopicPartition("", 0)
"""Asked for when everything is paused: aiokafka reads "no partitions" as "all partitions"."""

LOOK_SECONDS = 0.02
RETRY_SECONDS = 0.1


class KafkaConsumer(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """One member of a group. Its `Membership` is replaced when aiokafka's background tasks have died."""

    def __init__(self, settings: KafkaSettings, topics: Sequence[str], group: str, member: str) -> None:
        self._settings = settings
        self._topics = frozenset(topics)
        self._group = group
        self._member = member
        self._ownership: Ownership | None = None
        self._membership: Membership | None = None
        self._offered: frozenset[TopicPartition] | None = None
        self._owned: dict[TopicPartition, Partition] = {}
        self._paused: set[TopicPartition] = set()
        self._turn: deque[TopicPartition] = deque()
        self._failure: Exception | None = None
        self._taken_over = False
        self._handover = asyncio.Lock()
        self._waiting: asyncio.Timeout | None = None

    async def start(self, ownership: Ownership) -> None:
        """Join the group and take the first partitions."""
        self._ownership = ownership
        try:
            membership = await self._join()
            await self._first_share(membership)
            await self._take_over(membership)
        except BaseException as error:
            await self._close()
            self._ownership = None
            if isinstance(error, kafka.KafkaError):
                raise self._explained(error, f"join group {self._group}") from error
            raise

    async def fetch(self, limit: int, timeout: float) -> Sequence[Record]:  # noqa: ASYNC109 - a poll waits
        """Return records of owned, unpaused partitions, those longest not read first."""
        self._raise_failure()
        membership = await self._alive()
        await self._take_over(membership)
        records: list[Record] = []
        try:
            await self._drain(membership, records, limit)
            if not records and timeout > 0:
                await self._wait(membership, records, timeout)
                await self._drain(membership, records, limit)
        except (kafka.KafkaError, UnicodeDecodeError) as error:
            problem = await self._what_happened(membership, error)
            if not records:
                raise problem from error
            # What was taken from other partitions is not fetched again: return it first.
            problem.__cause__ = error
            self._failure = problem
        return records

    def pause(self, partitions: Collection[Partition]) -> None:
        """Fetch nothing of these until `resume`."""
        for partition in self._owned.keys() & {TopicPartition(*each) for each in partitions}:
            self._paused.add(partition)
            if self._membership is not None:
                self._membership.pause(partition)

    def resume(self, partitions: Collection[Partition]) -> None:
        """Fetch these again."""
        for partition in self._paused & {TopicPartition(*each) for each in partitions}:
            self._paused.discard(partition)
            if self._membership is not None:
                self._membership.resume(partition)
        self._wake()

    async def commit(self, positions: Mapping[Partition, Position]) -> None:
        """Store positions of owned partitions under the generation in which they were assigned."""
        deadline = self._settings.session_timeout
        try:
            async with asyncio.timeout(deadline):
                while True:
                    if self._membership is None or not positions.keys() <= set(self._owned.values()):
                        raise OwnershipLost(commit_refused(self._group, positions))
                    if await self._membership.commit(positions):
                        return
                    await asyncio.sleep(RETRY_SECONDS)
        except TimeoutError:
            raise BrokerError(
                f"Nobody took the commit of group {self._group} within {deadline:g} s."
            ) from None

    def contact_age(self) -> float:
        """Seconds since a broker last answered."""
        return 0.0 if self._membership is None else self._membership.contact_age

    async def stop(self) -> None:
        """Let go; a dynamic member leaves, a static one keeps its place."""
        if self._ownership is None:
            return
        await self._let_go()
        self._ownership = None
        await self._close()
        self._raise_failure()

    # What aiokafka tells, from its own task.

    async def on_partitions_revoked(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        revoked: Collection[TopicPartition],  # noqa: ARG002 - it is all
    ) -> None:
        """Have the owner let go, before the group shares out anew."""
        await self._let_go()
        if self._membership is not None and await self._membership.taken_over():
            self._taken_over = True
            self._wake()
            # This ends the task that would join again and throw the other process out.
            raise asyncio.CancelledError

    async def on_partitions_assigned(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, assigned: Collection[TopicPartition]
    ) -> None:
        """Have the next fetch take these over."""
        if self._membership is not None:
            self._membership.enter_session()
            self._offered = frozenset(assigned)
            self._wake()

    async def _let_go(self) -> None:
        async with self._handover:
            self._offered = None
            owned = list(self._owned.values())
            if owned and self._ownership is not None:
                try:
                    await self._ownership.revoked(owned)
                except Exception as error:  # noqa: BLE001 - the owner gets it from fetch
                    self._failure = error
            self._forget()

    # Joining.

    async def _join(self) -> Membership:
        membership = self._membership = Membership(self._settings, self._topics, self._group, self._member)
        await membership.join(self)
        return membership

    async def _first_share(self, membership: Membership) -> None:
        """Wait until the group has given us a place."""
        deadline = self._settings.start_deadline + self._settings.rebalance_timeout
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline):
                while self._offered is None:
                    self._raise_failure()
                    membership.check()
                    await asyncio.sleep(LOOK_SECONDS)
                return
        raise BrokerError(
            f"Group {self._group} gave us no place within {deadline:g} s: its coordinator cannot be reached "
            "(check advertised.listeners), or another member takes too long to let go."
        )

    async def _alive(self) -> Membership:
        """Return the membership, joined anew if the old one has died."""
        if self._ownership is None:
            raise BrokerError("The consumer is not started.")
        if self._membership is not None and not self._membership.dead:
            return self._membership
        await self._let_go()
        await self._close()
        return await self._join()

    async def _close(self) -> None:
        membership, self._membership = self._membership, None
        if membership is not None:
            await membership.close()

    async def _take_over(self, membership: Membership) -> None:
        """Tell the owner what is new, at the positions that the group has stored."""
        async with self._handover:
            offered = self._offered
            if offered is None or self._ownership is None:
                return
            try:
                async with asyncio.timeout(self._settings.session_timeout):
                    known = await membership.positions(offered)
            except kafka.IllegalStateError:
                return  # taken away again meanwhile
            except kafka.KafkaError as error:
                raise translated(error, f"read the positions of group {self._group}") from error
            except TimeoutError:
                raise BrokerError(f"Nobody told the positions of group {self._group}.") from None
            self._owned = {partition: Partition(*partition) for partition in known}
            self._turn = deque(self._owned)
            try:
                if known:
                    await self._ownership.assigned(
                        {self._owned[each]: position for each, position in known.items()}
                    )
            except BaseException:
                self._forget()
                raise
            self._offered = None

    # Reading.

    async def _drain(self, membership: Membership, records: list[Record], limit: int) -> None:
        """Take what is buffered, an equal share from each partition first, without waiting.

        Partition by partition: when one is corrupt, aiokafka throws away what it has already taken from
        others.
        """
        if membership.rebalancing:
            return
        active = [partition for partition in self._turn if partition not in self._paused]
        self._turn.rotate(-1)
        share = max(1, (limit - len(records)) // max(1, len(active)))
        while active and len(records) < limit:
            more = []
            for partition in active:
                room = min(share, limit - len(records))
                if room <= 0:
                    break
                taken = await membership.read(partition, limit=room)
                if self._keep(records, taken) == room:
                    more.append(partition)
            active, share = more, limit

    async def _wait(self, membership: Membership, records: list[Record], seconds: float) -> None:
        """Wait for one record, or until something is resumed or the group moves."""
        active = [partition for partition in self._turn if partition not in self._paused]
        with suppress(TimeoutError):
            try:
                async with asyncio.timeout(seconds) as self._waiting:
                    self._keep(
                        records, await membership.read(*(active or (NOTHING,)), limit=1, seconds=seconds)
                    )
            finally:
                self._waiting = None

    def _keep(self, records: list[Record], taken: Mapping[TopicPartition, Sequence[Any]]) -> int:
        """Add what aiokafka handed out for owned partitions; return how many."""
        before = len(records)
        for partition, batch in taken.items():
            ours = self._owned.get(partition)
            if ours is not None:
                records.extend(
                    Record(ours, each.offset, each.key, each.value, _headers(each.headers), each.timestamp)
                    for each in batch
                )
        return len(records) - before

    async def _what_happened(self, membership: Membership, error: Exception) -> RaccordoError:
        if isinstance(error, UnicodeDecodeError):
            return BrokerError(
                f"A record of {', '.join(sorted(self._topics))} has a header name that is not UTF-8, and group "
                f"{self._group} cannot pass it. Find it with another client and move the group behind it: "
                f"`raccordo topics seek {self._group}`."
            )
        if not isinstance(error, kafka.OffsetOutOfRangeError):
            return self._explained(error, f"fetch as group {self._group}")
        at: dict[TopicPartition, int] = error.args[0]
        try:
            async with asyncio.timeout(self._settings.session_timeout):
                bounds = await membership.bounds(at)
        except (kafka.KafkaError, TimeoutError):
            return OutOfRange(
                f"Group {self._group} stands where the log of {', '.join(map(str, at))} holds nothing."
            )
        return OutOfRange(
            out_of_range(
                self._group, {Partition(*each): (position, *bounds[each]) for each, position in at.items()}
            )
        )

    def _explained(self, error: BaseException, doing: str) -> RaccordoError:
        if is_fencing(error):
            return ConfigError(member_taken_over(self._member, self._group))
        return translated(error, doing)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if self._taken_over and self._ownership is not None:
            raise ConfigError(member_taken_over(self._member, self._group))

    def _forget(self) -> None:
        self._owned = {}
        self._turn.clear()
        self._paused.clear()
        self._wake()

    def _wake(self) -> None:
        """End a waiting fetch now, so that its caller comes again."""
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(asyncio.get_running_loop().time())


def _headers(headers: Iterable[tuple[str, bytes | None]]) -> Headers:
    """Kafka allows a header without value; the line reads it as an empty one."""
    return tuple((name, b"" if value is None else value) for name, value in headers)
