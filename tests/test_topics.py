"""Topics become what the contracts say, and nothing is lost, lowered or reordered on the way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from brokers import publish
from clocks import HandClock
from raccordo import topics
from raccordo.broker import Outgoing, Partition, Position, Topic
from raccordo.broker.kafka import connect
from raccordo.broker.memory import MemoryBroker
from raccordo.broker.settings import KafkaSettings
from raccordo.draining import looker
from raccordo.errors import ConfigError, Unsafe
from raccordo.event import Contract
from raccordo.ledger.database import database
from raccordo.ledger.sql import SqlLedger
from raccordo.topics import Action, Difference

if TYPE_CHECKING:
    from pathlib import Path

    from raccordo.broker import Admin
    from raccordo.dev.choice import Broker

WEEK = timedelta(days=7)


class Placed(Contract, topic="placed", key="customer", owner="sales", partitions=4, retention=WEEK):
    """An order."""

    customer: str


class Moved(
    Contract, topic="moved", key="customer", owner="stores", partitions=2, retention=timedelta(days=90)
):
    """Goods have moved."""

    customer: str


class PlacedAgain(
    Contract, topic="placed", key="customer", version=2, owner="sales", partitions=6, retention=WEEK
):
    """An order, in a later version that forgot how many partitions there are."""

    customer: str


def test_each_contract_gets_its_topic_and_a_dead_letter_topic() -> None:
    wanted = topics.desired([Placed, Moved], replication=3)

    assert [(each.name, each.partitions, each.retention) for each in wanted] == [
        ("moved", 2, timedelta(days=90)),
        ("moved.dead", 2, timedelta(days=90)),
        ("placed", 4, WEEK),
        ("placed.dead", 4, topics.DEAD_RETENTION),
    ]
    assert all(each.config == {"cleanup.policy": "delete", "min.insync.replicas": "2"} for each in wanted)
    assert topics.owners([Placed, Moved])["placed.dead"] == "sales"
    assert topics.desired([Placed])[0].config["min.insync.replicas"] == "1"


def test_versions_that_disagree_on_their_topic_are_refused() -> None:
    with pytest.raises(ConfigError, match="Placed, PlacedAgain share the topic placed and differ"):
        topics.desired([Placed, PlacedAgain])


def test_what_fits_needs_no_step_and_strangers_are_not_looked_at() -> None:
    wanted = topics.desired([Placed])
    actual = {each.name: each for each in wanted} | {"strangers": Topic("strangers", 1)}
    assert topics.plan(wanted, actual) == topics.Plan()


def test_a_plan_says_what_each_step_changes() -> None:
    placed, dead = topics.desired([Placed])
    present = Topic("placed", 2, 1, None, {"cleanup.policy": "compact", "max.message.bytes": "2000000"})

    planned = topics.plan([placed, dead], {"placed": present})

    more, settings, created = planned.changes
    assert (more.action, more.wanted.partitions) == (Action.ADD_PARTITIONS, 4)
    assert more.differences == (Difference("partitions", "2", "4"),)
    assert settings.action is Action.CONFIGURE
    assert settings.differences == (
        Difference("retention", "for ever", "7 days"),
        Difference("cleanup.policy", "compact", "delete"),
        Difference("min.insync.replicas", "", "1"),
    )
    assert settings.wanted.config["max.message.bytes"] == "2000000"
    assert (created.action, created.wanted) == (Action.CREATE, dead)
    assert planned.notes == ()


def test_partitions_are_never_lowered_and_replicas_never_moved() -> None:
    (placed, _) = topics.desired([Placed], replication=3)
    present = Topic("placed", 12, 1, WEEK, {"cleanup.policy": "delete", "min.insync.replicas": "1"})

    planned = topics.plan([placed], {"placed": present})

    assert planned.changes == ()
    assert len(planned.notes) == 2
    assert "placed has 1 copies, not 3" in planned.notes[0]
    assert "placed has 12 partitions, not 4: they are never lowered" in planned.notes[1]


@pytest.mark.parametrize(
    ("retention", "text"),
    [(None, "for ever"), (WEEK, "7 days"), (timedelta(days=1), "1 day"), (timedelta(hours=12), "12:00:00")],
)
def test_retentions_are_written_for_people(retention: timedelta | None, text: str) -> None:
    assert topics.kept(retention) == text


async def applied(admin: Admin, *contracts: type[Contract]) -> topics.Plan:
    planned = topics.plan(topics.desired(contracts), await admin.topics())
    await topics.apply(planned, admin, clock=HandClock())
    return planned


async def test_applying_twice_is_as_good_as_once() -> None:
    admin = MemoryBroker().admin()
    assert len((await applied(admin, Placed, Moved)).changes) == 4
    assert (await applied(admin, Placed, Moved)).changes == ()


async def test_an_empty_topic_gets_its_partitions_at_once() -> None:
    broker = MemoryBroker([Topic("placed", 2)])
    await applied(broker.admin(), Placed)
    assert (await broker.admin().topics())["placed"].partitions == 4


async def test_a_topic_with_data_gets_no_partitions_and_nothing_else_is_done_either() -> None:
    broker = MemoryBroker([Topic("placed", 2)])
    await publish(broker, Outgoing("placed", b"k", b"v"))

    with pytest.raises(Unsafe, match=r"placed cannot get more partitions while holding data.*--drain"):
        await applied(broker.admin(), Placed)
    assert await broker.admin().topics() == {"placed": Topic("placed", 2)}


async def test_draining_waits_until_nothing_is_left() -> None:
    broker, clock, told = MemoryBroker([Topic("placed", 2)]), HandClock(), list[str]()
    await publish(broker, Outgoing("placed", b"k", b"v"))
    admin = broker.admin()
    left = ["3 lanes parked", "3 lanes parked", "1 lanes parked", ""]

    async def work_left(topic: str) -> str:
        assert (await admin.topics())[topic].partitions == 2
        return left.pop(0)

    planned = topics.plan(topics.desired([Placed]), await admin.topics())
    applying = asyncio.create_task(
        topics.apply(planned, admin, work_left=work_left, clock=clock, say=told.append)
    )
    await clock.advance(10)
    await applying

    assert told == ["placed: waiting, 3 lanes parked", "placed: waiting, 1 lanes parked"]
    assert left == []
    assert (await admin.topics())["placed"].partitions == 4


async def test_what_is_left_is_counted_from_the_groups_and_the_ledger(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    ledger = SqlLedger(url)
    await ledger.start()
    await ledger.stop()
    reading = database(url)
    await reading.open()
    broker = MemoryBroker([Topic("placed", 2)])
    admin = broker.admin()
    await publish(broker, *(Outgoing("placed", b"k%d" % number, b"v") for number in range(10)))
    left = looker(admin, reading, ["to-erp", "never-ran"])

    assert await left("placed") == ""
    ends = await admin.end_offsets("placed")
    some = {partition: Position(end) for partition, end in ends.items() if partition.number == 0}
    await admin.seek("to-erp", some)
    assert await left("placed") == f"{ends[Partition('placed', 1)]} records to read"
    await admin.seek("to-erp", {partition: Position(end) for partition, end in ends.items()})
    assert await left("placed") == ""
    await reading.close()


@pytest.mark.kafka
async def test_a_real_cluster_becomes_what_the_contracts_say(kafka: Broker, unique: str) -> None:
    admin = connect(KafkaSettings(bootstrap=kafka.bootstrap, namespace=f"{unique}.")).admin()
    assert [change.action for change in (await applied(admin, Placed, Moved)).changes] == [Action.CREATE] * 4
    assert await applied(admin, Placed, Moved) == topics.Plan()

    await admin.configure(
        replace(topics.desired([Moved])[0], retention=WEEK, config={"cleanup.policy": "compact"})
    )
    planned = await applied(admin, Placed, Moved)
    assert [(change.action, change.wanted.name) for change in planned.changes] == [
        (Action.CONFIGURE, "moved")
    ]
    assert await applied(admin, Placed, Moved) == topics.Plan()
    await admin.stop()
