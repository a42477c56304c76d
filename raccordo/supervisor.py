"""Keeps N worker processes alive: starts, restarts with back-off, passes signals on, ends with an honest code."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from raccordo import preload
from raccordo.health import DETAIL, Health
from raccordo.start import CONFIG_EXIT, work_supervised

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

    from structlog.typing import FilteringBoundLogger

    from raccordo.start import Plan

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 15.0
STEADY_AFTER: Final = 30.0
TICK: Final = 0.05
TOLD_TWICE: Final = 2


@dataclass(slots=True)
class _Child:
    """One worker process and what became of it."""

    slot: int
    process: ForkServerProcess | None = None
    started_at: float = 0.0
    failures: int = 0
    start_at: float = 0.0


class Supervisor:
    """Runs `count` workers of a plan, forked from a process that has everything loaded. One that dies is started again.

    A worker that ends with the exit code of a configuration error ends them all: waiting mends nothing there.
    `grace` is how long workers may drain, in seconds.
    """

    def __init__(self, count: int, plan: Plan, log: FilteringBoundLogger, *, grace: float) -> None:
        self._children = [_Child(slot) for slot in range(count)]
        self._plan = plan
        self._log = log
        self._grace = grace
        self._stop_asked = 0
        self._exit_code = 0
        os.environ[preload.APP_DIR] = plan.app_dir
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([preload.__name__])

    def run(self) -> int:
        """Supervise until told to stop: 0 when every worker drained, 1 when one was killed, 2 for configuration."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)
        listener = Health(self._plan.health, self.snapshot) if self._plan.health else None
        try:
            while not self._stop_asked and not self._exit_code:
                for child in self._children:
                    self._tend(child)
                time.sleep(TICK)
            return self._end()
        finally:
            if listener:
                listener.stop()

    def _tend(self, child: _Child) -> None:
        """Start a worker that is due, and notice one that has ended."""
        now = time.monotonic()
        if child.process is None:
            if now >= child.start_at:
                child.process = self._context.Process(
                    target=work_supervised,
                    args=(self._plan, child.slot),
                    name=f"worker-{child.slot}",
                )
                child.process.start()
                child.started_at = now
            return
        code = child.process.exitcode
        if code is None:
            return
        child.process.close()
        child.process = None
        if code == CONFIG_EXIT:
            self._exit_code = code
            return
        child.failures = 1 if now - child.started_at > STEADY_AFTER else child.failures + 1
        pause = 0.0 if child.failures == 1 else min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**child.failures)
        child.start_at = now + pause
        self._log.warning("worker_died", slot=child.slot, exit_code=code, count=child.failures)

    def _end(self) -> int:
        """Pass the stop on, wait for the drain, kill what does not end."""
        running = [child.process for child in self._children if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + self._grace
        code = self._exit_code
        for process in running:
            while process.exitcode is None and time.monotonic() < deadline and self._stop_asked < TOLD_TWICE:
                time.sleep(TICK)
            if process.exitcode is None:
                process.kill()
                process.join()
            code = code or (1 if process.exitcode else 0)
        return code

    def snapshot(self) -> dict[str, Any]:
        """The workers' health in one: ready when all are."""
        workers = {str(child.slot): self._ask(child) for child in self._children}
        return {
            "live": True,
            "ready": not self._stop_asked and all(worker.get("ready") for worker in workers.values()),
            "workers": workers,
        }

    def _ask(self, child: _Child) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(
                f"http://{self._plan.health_of(child.slot)}{DETAIL}", timeout=2
            ) as answer:
                state: dict[str, Any] = json.load(answer)
                return state
        except (OSError, urllib.error.URLError, ValueError):
            return {"live": False, "ready": False}

    def _signalled(self, *_: Any) -> None:
        self._stop_asked += 1
