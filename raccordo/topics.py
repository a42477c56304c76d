"""Topics as code: what the contracts ask for, what a cluster has, and the way from one to the other.

Topics come into being here and nowhere else. What is never done: partitions are not lowered (Kafka cannot), not raised
under data that somebody still works on (a key would move and lose its order), replicas are not moved (that takes the
operator's tools), and topics that no contract names are not looked at.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from raccordo.broker import Topic
from raccordo.deadletter import dead_topic
from raccordo.errors import ConfigError, Unsafe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from raccordo.broker import Admin
    from raccordo.clock import Clock
    from raccordo.event import Contract

DEAD_RETENTION: Final = timedelta(days=30)
"""Copies of dead letters are kept at least so long, for tools that look once a month."""

POLICY: Final = "cleanup.policy"
IN_SYNC: Final = "min.insync.replicas"

LOOK_SECONDS: Final = 1.0


class Action(StrEnum):
    """What is to be done with a topic."""

    CREATE = "create"
    ADD_PARTITIONS = "add partitions"
    CONFIGURE = "configure"


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting of a topic: what it is ("" for nothing) and what it shall be."""

    setting: str
    present: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a plan. `wanted` is the topic as it is after the step."""

    action: Action
    wanted: Topic
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps, in order, and what differs and is left as it is, in sentences."""

    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()


def owners(contracts: Iterable[type[Contract]]) -> dict[str, str]:
    """Say who owns each topic, dead letter topics included."""
    found: dict[str, str] = {}
    for contract in contracts:
        for name in (contract.info.topic, dead_topic(contract.info.topic)):
            found[name] = contract.info.owner
    return found


def desired(contracts: Iterable[type[Contract]], replication: int = 1) -> list[Topic]:
    """List the topics that the contracts ask for, each followed by its dead letter topic, sorted by name.

    Raises ConfigError where two contracts (two versions, say) ask for different shapes of one topic.
    """
    by_topic: dict[str, list[type[Contract]]] = defaultdict(list)
    for contract in contracts:
        by_topic[contract.info.topic].append(contract)
    problems: list[str] = []
    topics: list[Topic] = []
    for name, declared in sorted(by_topic.items()):
        shapes = {(each.info.partitions, each.info.retention, each.info.owner) for each in declared}
        if len(shapes) > 1:
            classes = ", ".join(sorted(each.__name__ for each in declared))
            problems.append(
                f"{classes} share the topic {name} and differ in its partitions, retention or owner"
            )
            continue
        partitions, retention, _ = shapes.pop()
        topic = Topic(name, partitions, replication, retention, required(replication))
        topics += [topic, replace(topic, name=dead_topic(name), retention=max(retention, DEAD_RETENTION))]
    if problems:
        raise ConfigError(problems)
    return topics


def required(replication: int) -> dict[str, str]:
    """Settings that every topic needs: nothing is compacted away, and one replica may be down without loss or halt."""
    return {POLICY: "delete", IN_SYNC: str(max(1, replication - 1))}


def plan(wanted: Iterable[Topic], actual: Mapping[str, Topic]) -> Plan:
    """Compare what is wanted with what there is. Topics that are not wanted are not looked at."""
    changes: list[Change] = []
    notes: list[str] = []
    for topic in wanted:
        present = actual.get(topic.name)
        if present is None:
            changes.append(Change(Action.CREATE, topic, _new(topic)))
            continue
        if present.replication != topic.replication:
            notes.append(
                f"{topic.name} has {present.replication} copies, not {topic.replication}: "
                "moving replicas takes Kafka's own tools (kafka-reassign-partitions)"
            )
        if present.partitions > topic.partitions:
            notes.append(
                f"{topic.name} has {present.partitions} partitions, not {topic.partitions}: "
                "they are never lowered; write the larger number into the contract"
            )
        if present.partitions < topic.partitions:
            more = Difference("partitions", str(present.partitions), str(topic.partitions))
            changes.append(
                Change(Action.ADD_PARTITIONS, replace(present, partitions=topic.partitions), (more,))
            )
        config = dict(topic.config)
        if IN_SYNC in config:  # what the copies that there are can fulfil
            config[IN_SYNC] = required(present.replication)[IN_SYNC]
        differences = _differing(replace(topic, config=config), present)
        if differences:
            settled = replace(present, retention=topic.retention, config={**present.config, **config})
            changes.append(Change(Action.CONFIGURE, settled, differences))
    return Plan(tuple(changes), tuple(notes))


async def apply(
    wanted: Plan,
    admin: Admin,
    *,
    work_left: Callable[[str], Awaitable[str]] | None = None,
    clock: Clock,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Carry a plan out; what is done stays done when a later step fails, and a new plan goes on from there.

    `work_left` says in words what is still in flight or parked for a topic, "" for nothing; with it, partitions are
    added to a topic that holds data after waiting until nothing is. `say` is told what is waited for.

    Raises Unsafe for a topic that holds data without `work_left`, before anything is changed; ConfigError and
    BrokerError as the admin does.
    """
    raised = [change.wanted for change in wanted.changes if change.action is Action.ADD_PARTITIONS]
    if work_left is None:
        await _refuse_under_data(raised, admin)
    else:
        for topic in raised:
            await _drained(topic.name, work_left, clock, say)
    await admin.create([change.wanted for change in wanted.changes if change.action is Action.CREATE])
    for change in wanted.changes:
        match change.action:
            case Action.ADD_PARTITIONS:
                await admin.add_partitions(change.wanted.name, change.wanted.partitions)
            case Action.CONFIGURE:
                await admin.configure(change.wanted)


async def _refuse_under_data(topics: Sequence[Topic], admin: Admin) -> None:
    full = [topic.name for topic in topics if await _holds_data(topic.name, admin)]
    if full:
        raise Unsafe(
            f"{', '.join(full)} cannot get more partitions while holding data: keys would move to other partitions and "
            "overtake what waits in the old ones. Stop publishing to it, then use --drain, which waits until nothing "
            "of it is in flight or parked."
        )


async def _holds_data(name: str, admin: Admin) -> bool:
    begin, end = await admin.begin_offsets(name), await admin.end_offsets(name)
    return any(end[partition] > begin[partition] for partition in end)


async def _drained(
    name: str, work_left: Callable[[str], Awaitable[str]], clock: Clock, say: Callable[[str], None]
) -> None:
    told = ""
    while left := await work_left(name):
        if left != told:
            say(f"{name}: waiting, {left}")
            told = left
        await clock.sleep(LOOK_SECONDS)


def _new(topic: Topic) -> tuple[Difference, ...]:
    shape = {
        "partitions": str(topic.partitions),
        "replication": str(topic.replication),
        "retention": kept(topic.retention),
    }
    return tuple(Difference(name, "", value) for name, value in {**shape, **topic.config}.items())


def _differing(wanted: Topic, present: Topic) -> tuple[Difference, ...]:
    found = [
        Difference(name, present.config.get(name, ""), value)
        for name, value in wanted.config.items()
        if present.config.get(name) != value
    ]
    if wanted.retention != present.retention:
        found.insert(0, Difference("retention", kept(present.retention), kept(wanted.retention)))
    return tuple(found)


def kept(retention: timedelta | None) -> str:
    """Write a retention for people: "7 days", "12:00:00", "for ever"."""
    if retention is None:
        return "for ever"
    if retention % timedelta(days=1):
        return str(retention)
    return f"{retention.days} day{'' if retention.days == 1 else 's'}"
