"""One worker process: opens what the line needs, joins every flow's group, works until told to stop."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
from contextlib import AsyncExitStack, suppress
from random import Random
from typing import TYPE_CHECKING, Any, Final

from raccordo.clock import SystemClock
from raccordo.codec import Codec
from raccordo.errors import BrokerError, ConfigError, LedgerError
from raccordo.health import Health, Watchdog
from raccordo.line import Line
from raccordo.member import CONTACT_SECONDS, Member
from raccordo.settings import ttl_problems
from raccordo.systems import System

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from structlog.typing import FilteringBoundLogger

    from raccordo.app import App
    from raccordo.broker import Broker, Consumer
    from raccordo.clock import Clock
    from raccordo.connector import Connector
    from raccordo.flow import Flow
    from raccordo.ledger import Ledger
    from raccordo.settings import Settings

STOP_MARGIN: Final = 10.0


class Worker:
    """Carries the events of an application's flows in this process. `run` returns the exit code."""

    def __init__(
        self,
        app: App,
        settings: Settings,
        *,
        broker: Broker,
        ledger: Ledger,
        connectors: Sequence[Connector[Any, Any]],
        log: FilteringBoundLogger,
        clock: Clock | None = None,
        rng: Random | None = None,
        health: str = "",
    ) -> None:
        self._app = app
        self._settings = settings
        self._broker = broker
        self._connectors = connectors
        self._log = log
        self._health = health
        clock, rng = clock or SystemClock(), rng or Random()  # noqa: S311 - jitter, no secret
        self.line = Line(
            ledger=ledger,
            producer=broker.producer(),
            systems={connector.system: System(connector, clock, rng) for connector in connectors},
            clock=clock,
            rng=rng,
            log=log,
            give_up_after=settings.give_up_after,
        )
        owner = f"{settings.host}-{settings.slot}"
        self.members = [
            Member(
                flow,
                Codec(flow.contract, settings.tenants),
                self.line,
                self._consumers(flow),
                settings,
                owner,
            )
            for flow in app.flows
        ]
        self._watchdog = Watchdog(settings.loop_lag_limit, log)
        self._stopping = asyncio.Event()

    def _consumers(self, flow: Flow[..., Any]) -> Callable[[], Consumer]:
        topics, member = [flow.contract.info.topic], self._member_id(flow)
        return lambda: self._broker.consumer(topics=topics, group=flow.name, member=member)

    def _member_id(self, flow: Flow[..., Any]) -> str:
        """The static member id: the same after every restart of this slot on this machine."""
        return f"{flow.name}-{self._settings.host}-{self._settings.slot}"

    def problems(self) -> list[str]:
        """List what cannot work, before anything runs."""
        retentions = [flow.contract.info.retention.total_seconds() for flow in self._app.flows]
        return ttl_problems(self._settings, retentions)

    async def run(self) -> int:
        """Work until SIGTERM or SIGINT, then drain, commit and return 0. Raises ConfigError before or at the start."""
        problems = self.problems()
        if problems:
            raise ConfigError(problems)
        _spare_the_collector()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        parent = multiprocessing.parent_process()
        if parent is not None:  # its end of the pipe closes when it dies, however it dies
            loop.add_reader(parent.sentinel, self._orphaned, parent.sentinel)
        async with AsyncExitStack() as stack:
            if self._health:
                stack.callback(Health(self._health, self.snapshot).stop)
            self._watchdog.start(loop)
            stack.callback(self._watchdog.stop)
            return await self._work(stack)

    async def _work(self, stack: AsyncExitStack) -> int:
        if not await self._insist(self.line.ledger.start):
            return 0
        stack.push_async_callback(self.line.ledger.stop)
        for connector in self._connectors:
            await stack.enter_async_context(connector)
        stack.push_async_callback(self.line.producer.stop)
        if not await self._insist(self.line.producer.start):
            return 0
        running = [asyncio.create_task(member.run(), name=member.flow.name) for member in self.members]
        guard = asyncio.create_task(self._guard(), name="guard")
        stack.callback(guard.cancel)
        self._log.info("worker_started", pid=os.getpid(), slot=self._settings.slot, count=len(self.members))
        stopped = asyncio.create_task(self._stopping.wait())
        ended, _ = await asyncio.wait([stopped, guard, *running], return_when=asyncio.FIRST_COMPLETED)
        failed = next((task for task in ended if task is not stopped and task.exception()), None)
        await self._finish(running, stopped)
        if failed is not None:
            raise _first(failed.exception())
        self._log.info("worker_stopped", pid=os.getpid(), slot=self._settings.slot)
        return 0

    async def _finish(self, running: Sequence[asyncio.Task[None]], stopped: asyncio.Task[Any]) -> None:
        """Drain, commit, leave; what does not finish in time stays in the ledger as it stands."""
        stopped.cancel()
        for member in self.members:
            member.stop()
        await asyncio.wait(running, timeout=1.0)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.drain_timeout + STOP_MARGIN):
                await asyncio.gather(*(member.leave() for member in self.members), return_exceptions=True)
                if self._settings.leave:
                    await self._give_up_place()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _give_up_place(self) -> None:
        """Take our static members out of their groups, so that others need not wait for the session to end."""
        admin = self._broker.admin()
        for member in self.members:
            with suppress(BrokerError):
                await admin.remove_member(member.flow.name, self._member_id(member.flow))
        await admin.stop()

    async def _insist(self, step: Callable[[], Awaitable[None]]) -> bool:
        """Repeat a start until its service is there; False when told to stop meanwhile, however long it still takes."""
        starting = asyncio.create_task(self._repeat(step))
        stopped = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([starting, stopped], return_when=asyncio.FIRST_COMPLETED)
        done = starting.done()
        for task in (starting, stopped):
            task.cancel()
        await asyncio.gather(starting, stopped, return_exceptions=True)
        if done:
            starting.result()
        return done

    async def _repeat(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except (LedgerError, BrokerError) as error:
                await self.line.stalled(error)
            else:
                self.line.moved()
                return

    async def _guard(self) -> None:
        """Look at the ledger, also while nothing moves."""
        while True:
            await asyncio.sleep(1.0)
            try:
                await self.line.ledger.ping()
            except LedgerError as error:
                await self.line.stalled(error)
            else:
                if isinstance(self.line.trouble, LedgerError):
                    self.line.moved()

    def _orphaned(self, sentinel: int) -> None:
        """Stop, because the supervisor has died; the fork server lives as long as its workers and says nothing."""
        asyncio.get_running_loop().remove_reader(sentinel)
        self._log.warning("supervisor_gone", pid=os.getpid())
        self._stopping.set()

    def _signalled(self) -> None:
        if self._stopping.is_set():
            os._exit(1)  # told twice: now; the ledger is consistent at every instant
        self._stopping.set()

    def snapshot(self) -> dict[str, Any]:
        """The health of this process as JSON: live, ready, and the detail of flows and systems."""
        trouble = self.line.trouble
        flows = {
            member.flow.name: {
                "ready": member.ready,
                "halted": member.halted,
                "partitions": len(member.lanes),
                "in_flight": member.in_flight,
                "parked_lanes": sum(lanes.parked for lanes in list(member.lanes.values())),
            }
            for member in self.members
        }
        systems = {
            system.name: {
                "ready": not system.open,
                "trouble": type(system.trouble).__name__ if system.trouble else "",
            }
            for system in self.line.systems.values()
        }
        parts = [*flows.values(), *systems.values()]
        publishing = self.line.producer.unacked_age() < CONTACT_SECONDS
        return {
            "pid": os.getpid(),
            "live": not self._watchdog.blocked,
            "ready": trouble is None
            and publishing
            and not self._stopping.is_set()
            and all(part["ready"] for part in parts),
            "trouble": str(trouble) if trouble else "",
            "loop_lag_seconds": round(self._watchdog.lag, 3),
            "flows": flows,
            "systems": systems,
        }


def _first(error: BaseException | None) -> BaseException:
    """The one error that matters in a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error or RuntimeError("a task ended without a reason")


def _spare_the_collector() -> None:
    """Thousands of live models make full collections costly: freeze what is loaded, collect the young ones rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
