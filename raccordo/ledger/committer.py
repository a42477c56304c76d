"""Group commit: steps that are asked for at the same time share one transaction.

Nothing waits for company: a step that comes while nothing is under way is committed at once. What comes during a commit
makes up the next one, so that the groups grow with the load and shrink with it.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from raccordo.errors import Fenced, LedgerError, RaccordoError
from raccordo.ledger.memory import Memory
from raccordo.ledger.memory import place as place_of
from raccordo.ledger.outage import Unstorable
from raccordo.ledger.rules import apply
from raccordo.ledger.steps import Unparking
from raccordo.ledger.words import exact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from raccordo.ledger import Grant
    from raccordo.ledger.database import Database
    from raccordo.ledger.steps import AnyStep

LARGEST_GROUP: Final = 2000
"""Steps in one transaction at most: it holds its locks for some hundredths of a second."""


class Done(NamedTuple):
    """What a transaction answered: to each step its result or its error, and the positions that were reached."""

    answers: list[Any]
    sequences: dict[Grant, int]


class Committer:
    """Takes steps from all lanes and commits them in groups, in the order in which they came."""

    def __init__(self, database: Database, largest: int = LARGEST_GROUP) -> None:
        self._database = database
        self._largest = largest
        self._pending: deque[tuple[AnyStep, asyncio.Future[Any]]] = deque()
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.sequences: dict[Grant, int] = {}

    def start(self) -> None:
        """Begin to commit."""
        self._closing = False
        self._task = asyncio.create_task(self._run(), name="ledger committer")

    async def stop(self) -> None:
        """Commit what is pending, then end. Safe to call twice."""
        self._closing = True
        self._wanted.set()
        if self._task is not None:
            await self._task
            self._task = None

    async def commit(self, step: AnyStep) -> Any:
        """Return a step's answer once it is durable.

        Raises Fenced or LedgerError; then it changed nothing, unless the connection broke during the commit, which the
        same step asked for again finds out.
        """
        if self._task is None or self._closing:
            raise LedgerError("the ledger is stopped")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending.append((step, answer))
        self._wanted.set()
        return await answer

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            await asyncio.sleep(0)  # whoever was just answered may ask for the next step first
            group = self._take()
            if group:
                await self._commit(group)
            elif self._closing:
                return
            else:
                self._wanted.clear()

    def _take(self) -> list[tuple[AnyStep, asyncio.Future[Any]]]:
        group: list[tuple[AnyStep, asyncio.Future[Any]]] = []
        while self._pending and len(group) < self._largest:
            step, answer = self._pending.popleft()
            if not answer.done():  # cancelled before it was begun
                group.append((step, answer))
        return group

    async def _commit(self, group: list[tuple[AnyStep, asyncio.Future[Any]]]) -> None:
        steps = [step for step, _ in group]
        try:
            done = await self._database.write(lambda connection: transact(connection, steps))
        except Exception as error:  # noqa: BLE001 - also a defect here must reach the lanes, not end the committer
            blamed = error if isinstance(error, RaccordoError) else _defect(error)
            if len(group) > 1 and (isinstance(blamed, Unstorable) or blamed is not error):
                # One step of these is to blame, and alone it fails alone.
                middle = len(group) // 2
                await self._commit(group[:middle])
                await self._commit(group[middle:])
                return
            answers: Sequence[Any] = [type(blamed)(*blamed.args) for _ in steps]
        else:
            answers = done.answers
            self.sequences.update(done.sequences)
        for (_, waiting), answer in zip(group, answers, strict=True):
            if waiting.done():
                continue
            if isinstance(answer, Exception):
                waiting.set_exception(answer)
            else:
                waiting.set_result(answer)


def transact(connection: Connection, steps: Sequence[AnyStep]) -> Done:
    """Do steps in one transaction: lock the partitions, read, decide step by step, write.

    A step that is fenced or contradicts what is known is answered with its error and leaves the others alone.
    """
    memory = Memory(connection)
    grants = [getattr(step, "grant", None) for step in steps]
    memory.own(grant for grant in grants if grant is not None)
    ours = [grant is None or grant in memory.sequences for grant in grants]
    memory.read([step for step, own in zip(steps, ours, strict=True) if own])
    answers: list[Any] = []
    for step, grant, own in zip(steps, grants, ours, strict=True):
        try:
            answers.append(apply(step, memory) if own else _fenced(grant))
        except LedgerError as error:
            answers.append(error)
    waiting = memory.write()
    for number, step in enumerate(steps):
        if isinstance(step, Unparking) and ours[number]:
            answers[number] = (*place_of(step.grant), exact(step.lane)) not in waiting
    return Done(answers, memory.sequences)


def _fenced(grant: Grant | None) -> Fenced:
    assert grant is not None
    return Fenced(
        f"another worker owns {grant.partition} of flow {grant.flow!r}: epoch {grant.epoch} has passed"
    )


def _defect(error: Exception) -> LedgerError:
    """Name class and place of a foreign error; its own text may quote what was to be stored."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return LedgerError(f"a defect of the ledger itself: {type(error).__name__}{place}")
