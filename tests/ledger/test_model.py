"""The ledger against a plain model of it, over random histories of claims, ends, parks, repeats and takeovers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ledgers import FLOW, TOPIC, Owner, emission, take
from raccordo.broker import Partition
from raccordo.errors import Fenced, LedgerError
from raccordo.ledger import State
from raccordo.ledger.sql import SqlLedger

if TYPE_CHECKING:
    from collections.abc import Awaitable

T = TypeVar("T")
WORDS = "abc"
LATE = 10**9


@dataclass
class Known:
    """An event as it should be known."""

    state: State
    partition: int
    offset: int
    epoch: int


@dataclass
class Waiting:
    """A lane as it should wait: whether it is blocked, and by offset what waits in it."""

    blocked: bool = False
    offsets: set[int] = field(default_factory=set)


words = st.sampled_from(WORDS)
numbers = st.integers(0, 1)


class LedgerMachine(RuleBasedStateMachine):
    """Two partitions of one flow, three events with a lane each, two records of each event in each partition."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.ledger = SqlLedger("sqlite://")
        self.do(self.ledger.start())
        self.owners: list[list[Owner]] = [[self.do(take(self.ledger, number))] for number in (0, 1)]
        self.events: dict[str, Known] = {}
        self.lanes: dict[tuple[int, str], Waiting] = {}
        self.dead: set[tuple[int, int]] = set()
        self.outbox: list[str] = []

    def do(self, step: Awaitable[T]) -> T:
        """Run a step to its end."""

        async def wait() -> T:
            return await step

        return self.runner.run(wait())

    def teardown(self) -> None:
        """Close everything."""
        self.do(self.ledger.stop())
        self.runner.close()

    def owner(self, number: int) -> Owner:
        """Whoever owns a partition now."""
        return self.owners[number][-1]

    def leave(self, number: int, lane: str, offset: int) -> None:
        """A record no longer waits."""
        if (number, lane) in self.lanes:
            self.lanes[number, lane].offsets.discard(offset)

    def ours(self, word: str) -> Known | None:
        """The event if its present owner may act on it."""
        known = self.events.get(word)
        if known is None or known.state.terminal:
            return None
        return known if self.owner(known.partition).grant.epoch == known.epoch else None

    @rule(number=numbers)
    def take_over(self, number: int) -> None:
        """Another worker acquires a partition and finds the lanes that wait."""
        (acquired,) = self.do(self.ledger.acquire(FLOW, [Partition(TOPIC, number)], "another", 1))
        assert acquired.parked == {lane for owner, lane in self.lanes if owner == number}
        self.owners[number].append(Owner(self.ledger, acquired.grant))

    @rule(word=words, number=numbers, copy=numbers)
    def claim(self, word: str, number: int, copy: int) -> None:
        """A record of an event comes, for the first time or again."""
        owner, offset = self.owner(number), WORDS.index(word) + 10 * copy
        known = self.events.get(word)
        standing = self.do(self.ledger.claim(owner.a_claim(word, offset)))
        assert standing.state == (known.state if known else None)
        if known is not None and (known.state.terminal or self.elsewhere(known, number, offset)):
            assert standing.elsewhere == (not known.state.terminal)
            self.leave(number, f"acme:{word}", offset)
        else:
            assert not standing.elsewhere
            self.events[word] = Known(State.CLAIMED, number, offset, owner.grant.epoch)

    def elsewhere(self, known: Known, number: int, offset: int) -> bool:
        """Whether an event is on its way as another record."""
        if (known.partition, known.offset) == (number, offset):
            return False
        return known.state is State.PARKED or self.owner(known.partition).grant.epoch == known.epoch

    @rule(
        word=words, state=st.sampled_from([State.CONFIRMED, State.SKIPPED, State.DEAD]), blocks=st.booleans()
    )
    def conclude(self, word: str, state: State, blocks: bool) -> None:
        """An owner brings an event to its end, and the answer is lost: it does so twice."""
        known = self.ours(word)
        if known is None:
            return
        owner, lane = self.owner(known.partition), f"acme:{word}"
        dies = state is State.DEAD
        end = owner.a_death if dies else owner.an_end
        facts: dict[str, Any] = {"emissions": (emission(word),), "blocks": blocks and dies}
        for _ in range(2):
            self.do(self.ledger.conclude(end(word, offset=known.offset, state=state, **facts)))
        known.state = state
        self.outbox.append(emission(word).id)
        self.leave(known.partition, lane, known.offset)
        if dies:
            self.dead.add((known.partition, known.offset))
        if blocks and dies:
            self.lanes.setdefault((known.partition, lane), Waiting()).blocked = True

    @rule(word=words, repeats=st.integers(1, 2))
    def park(self, word: str, repeats: int) -> None:
        """An owner parks an event."""
        known = self.ours(word)
        if known is None:
            return
        for _ in range(repeats):
            self.do(self.ledger.park(self.owner(known.partition).a_parking(word, known.offset)))
        known.state = State.PARKED
        waiting = self.lanes.setdefault((known.partition, f"acme:{word}"), Waiting())
        waiting.blocked = False
        waiting.offsets.add(known.offset)

    @rule(word=words, number=numbers, copy=numbers)
    def queue(self, word: str, number: int, copy: int) -> None:
        """A later record of a lane is appended."""
        offset = WORDS.index(word) + 10 * copy
        owner = self.owner(number)
        self.do(self.ledger.queue(owner.grant, f"acme:{word}", owner.record(offset), 1))
        waiting = self.lanes.setdefault((number, f"acme:{word}"), Waiting())
        if (number, offset) not in self.dead:
            waiting.offsets.add(offset)

    @rule(word=words, number=numbers)
    def unpark(self, word: str, number: int) -> None:
        """A drained lane is forgotten."""
        waiting = self.lanes.get((number, f"acme:{word}"))
        stays = waiting is not None and (waiting.blocked or bool(waiting.offsets))
        assert self.do(self.ledger.unpark(self.owner(number).grant, f"acme:{word}")) is not stays
        if not stays:
            self.lanes.pop((number, f"acme:{word}"), None)

    @precondition(lambda self: any(len(owners) > 1 for owners in self.owners))
    @rule(word=words, number=numbers, which=st.integers(0, 2))
    def act_late(self, word: str, number: int, which: int) -> None:
        """An owner that was overtaken tries to act."""
        old = self.owners[number][0]
        if old is self.owner(number):
            return
        steps = (
            self.ledger.claim(old.a_claim(word)),
            self.ledger.queue(old.grant, f"acme:{word}", old.record(99), 1),
            self.ledger.bury(old.a_burial(99)),
        )
        for step in steps[:which] + steps[which + 1 :]:
            step.close()
        with pytest.raises(Fenced):
            self.do(steps[which])

    @rule(word=words, number=numbers)
    def end_what_is_not_ours(self, word: str, number: int) -> None:
        """Nobody ends an event that another owner holds."""
        known = self.events.get(word)
        owner = self.owner(number)
        if known is not None and (known.state.terminal or (self.ours(word) and known.partition == number)):
            return
        with pytest.raises(LedgerError):
            self.do(self.ledger.conclude(owner.an_end(word)))

    @invariant()
    def lanes_are_due_in_order(self) -> None:
        """What waits is due unless it is blocked, and its head is what was published first."""
        grants = [owners[-1].grant for owners in self.owners]
        due = {
            (lane.grant.partition.number, lane.lane) for lane in self.do(self.ledger.due(grants, LATE, 99))
        }
        assert due == {key for key, waiting in self.lanes.items() if not waiting.blocked}
        for (number, lane), waiting in self.lanes.items():
            head = self.do(self.ledger.head(grants[number], lane))
            assert (head.offset if head else None) == min(waiting.offsets, default=None)

    @invariant()
    def every_end_is_said_once(self) -> None:
        """The outbox holds what every end said, once, in order."""
        grants = [owners[-1].grant for owners in self.owners]
        assert [one.id for one in self.do(self.ledger.outbox(grants))] == self.outbox


# A failing history is told as it was found: making it shorter would take minutes.
LedgerMachine.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
TestLedgerModel = LedgerMachine.TestCase
