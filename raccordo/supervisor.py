"""Keeps N worker processes alive: starts, restarts with back-off, passes signals on, ends with an honest code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from raccordo.health import DETAIL, Health
from raccordo.worker import SUPERVISOR

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from structlog.typing import FilteringBoundLogger

CONFIG_EXIT: Final = 2
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 15.0
STEADY_AFTER: Final = 30.0
TICK: Final = 0.05


@dataclass(slots=True)
class _Child:
    """One worker process and what became of it."""

    slot: int
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    start_at: float = 0.0


class Supervisor:
    """Runs `count` workers, each started by ``command(slot)``. A worker that dies is started again.

    One that ends with the exit code of a configuration error ends them all: waiting mends nothing there.
    """

    def __init__(
        self,
        count: int,
        command: Callable[[int], Sequence[str]],
        log: FilteringBoundLogger,
        *,
        grace: float,
        health: str = "",
    ) -> None:
        self._children = [_Child(slot) for slot in range(count)]
        self._command = command
        self._log = log
        self._grace = grace
        self._health = health
        self._stop_asked = 0
        self._exit_code = 0

    def run(self) -> int:
        """Supervise until told to stop: 0 when every worker drained, 1 when one was killed, 2 for configuration."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)
        listener = Health(self._health, self.snapshot) if self._health else None
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
                environment = {**os.environ, SUPERVISOR: str(os.getpid())}
                child.process = subprocess.Popen(  # noqa: S603 - our own command
                    self._command(child.slot),
                    env=environment,
                    start_new_session=True,  # Ctrl-C reaches us alone; the workers hear of it once, from us
                )
                child.started_at = now
            return
        code = child.process.poll()
        if code is None:
            return
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
        for child in self._children:
            if child.process is not None:
                child.process.terminate()
        deadline = time.monotonic() + self._grace
        code = self._exit_code
        for child in self._children:
            if child.process is None:
                continue
            while child.process.poll() is None and time.monotonic() < deadline and self._stop_asked < 2:  # noqa: PLR2004 - told twice
                time.sleep(TICK)
            if child.process.poll() is None:
                child.process.kill()
                child.process.wait()
            code = code or (1 if child.process.returncode else 0)
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
        if child.process is None:
            return {"live": False, "ready": False}
        host, _, port = self._health.rpartition(":")
        try:
            with urllib.request.urlopen(
                f"http://{host}:{int(port) + 1 + child.slot}{DETAIL}", timeout=2
            ) as answer:
                state: dict[str, Any] = json.load(answer)
                return state
        except (OSError, urllib.error.URLError, ValueError):
            return {"live": False, "ready": False}

    def _signalled(self, *_: Any) -> None:
        self._stop_asked += 1
