from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import pytest

from raccordo.errors import Unsafe
from raccordo.ledger import State
from raccordo.redrive import Letter, Outcome, Plan, Report, redrive, refuse_forgotten

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

DAY = 86_400_000


class RunningClock:
    """Time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> int:
        """Milliseconds."""
        return round(self.time * 1000)

    def monotonic(self) -> float:
        """Seconds."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds
        await asyncio.sleep(0)


class Worker:
    """A ledger whose events end `after` seconds after their redrive, in the state that `ends` names."""

    def __init__(self, clock: RunningClock, *, after: float = 0.1) -> None:
        self.clock = clock
        self.after = after
        self.ends: dict[str, State] = {}
        self.gone: set[str] = set()
        self.sent: dict[str, float] = {}

    async def redrive(self, letter_id: str) -> bool:
        """Take a letter, once."""
        if letter_id in self.gone:
            return False
        assert letter_id not in self.sent
        self.sent[letter_id] = self.clock.time
        return True

    async def states(self, ids: Collection[str]) -> Mapping[str, State | None]:
        """Parked until their time has come."""
        return {
            key: self.ends.get(key, State.CONFIRMED)
            if self.clock.time >= self.sent[key] + self.after
            else State.PARKED
            for key in ids
        }


@pytest.fixture
def clock() -> RunningClock:
    return RunningClock()


@pytest.fixture
def worker(clock: RunningClock) -> Worker:
    return Worker(clock)


def letters(count: int) -> list[Letter]:
    return [Letter(str(number), 0, 0) for number in range(count)]


async def drive(worker: Worker, count: int, plan: Plan) -> Report:
    return await redrive(letters(count), worker, plan, worker.clock)


async def test_all_go_on_their_way_in_order(worker: Worker) -> None:
    """Each once, each with its outcome."""
    report = await drive(worker, 5, Plan(canary=1))
    assert list(worker.sent) == [letter.id for letter in letters(5)]
    assert report.count(Outcome.DONE) == 5
    assert report.stopped == ""


async def test_the_canaries_end_before_another_letter_goes(worker: Worker) -> None:
    """What a release broke is found with two events and not with all."""
    worker.after = 3.0
    await drive(worker, 4, Plan(canary=2, rate=0))
    first, second, third, _ = worker.sent.values()
    assert first == second == 0.0
    assert third >= 3.0


@pytest.mark.parametrize("end", [State.DEAD, State.REJECTED, State.NEEDS_HUMAN])
async def test_a_canary_that_fails_keeps_all_others_back(worker: Worker, end: State) -> None:
    """However it fails, nothing else moves."""
    worker.ends["0"] = end
    report = await drive(worker, 10, Plan(canary=2))
    assert len(worker.sent) == 2
    assert report.count(Outcome.HELD_BACK) == 8
    assert report.count(Outcome.FAILED) == 1
    assert "1 of 2 canaries failed" in report.stopped


async def test_a_canary_that_does_not_end_keeps_all_others_back(worker: Worker) -> None:
    """Without a worker nothing happens, and the person is asked about it."""
    worker.after = 1e9
    report = await drive(worker, 3, Plan(canary=1, patience=5.0))
    assert len(worker.sent) == 1
    assert (report.count(Outcome.WAITING), report.count(Outcome.HELD_BACK)) == (1, 2)
    assert "worker" in report.stopped
    assert worker.clock.time == pytest.approx(5.0, abs=0.3)


async def test_letters_go_no_faster_than_the_rate(worker: Worker) -> None:
    """Counted over any stretch of time, also after a slow canary: no burst makes up for the wait."""
    worker.after = 2.0
    await drive(worker, 21, Plan(canary=1, rate=4.0))
    _, *times = worker.sent.values()
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert min(gaps) == pytest.approx(0.25, abs=0.001)


async def test_the_stop_rule_ends_it_while_it_runs(worker: Worker) -> None:
    """Failures are seen while the others go, not at the end."""
    worker.ends = {letter.id: State.DEAD for letter in letters(100)[1:]}
    report = await drive(worker, 100, Plan(canary=1, rate=10.0, stop_after_failures=3))
    assert "letters failed again" in report.stopped
    assert 3 <= report.count(Outcome.FAILED) < 12
    assert report.count(Outcome.HELD_BACK) > 85


async def test_fewer_failures_than_the_stop_rule_do_not_end_it(worker: Worker) -> None:
    """One order that SAP refuses again does not keep ninety-nine back."""
    worker.ends["5"] = State.REJECTED
    report = await drive(worker, 100, Plan(stop_after_failures=2, rate=0))
    assert report.stopped == ""
    assert (report.count(Outcome.DONE), report.count(Outcome.FAILED)) == (99, 1)


async def test_a_letter_that_somebody_else_dealt_with_is_left_alone(worker: Worker) -> None:
    """Two people at two desks redrive one letter once."""
    worker.gone = {"0", "2"}
    report = await drive(worker, 3, Plan(canary=1))
    assert report.count(Outcome.GONE) == 2
    assert report.count(Outcome.DONE) == 1


async def test_each_outcome_is_told_once(worker: Worker) -> None:
    """A progress bar comes to its end, and not beyond."""
    told: list[tuple[str, Outcome]] = []
    worker.ends["3"] = State.DEAD
    report = await redrive(
        letters(5), worker, Plan(), worker.clock, told=lambda letter, end: told.append((letter.id, end))
    )
    assert sorted(told) == sorted(report.outcomes.items())


def test_letters_that_the_ledger_may_have_forgotten_are_refused() -> None:
    """What was done for them could be done twice; the sentence says how to leave them out."""
    now = 100 * DAY
    young = Letter("y", 71 * DAY, 41 * DAY)

    def refuse(*letters: Letter) -> None:
        refuse_forgotten(letters, horizon=30 * 86400.0, ttl=60 * 86400.0, now=now)

    refuse(young)
    with pytest.raises(Unsafe, match=r"1 of 2 letters .* 30 days ago .*--since"):
        refuse(young, Letter("died", 69 * DAY, 41 * DAY))
    with pytest.raises(Unsafe, match=r"1 of 2 letters .* 60 days ago"):
        refuse(young, Letter("published", 71 * DAY, 39 * DAY))
