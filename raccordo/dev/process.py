"""Processes that outlive the command that started them, and how they are found again.

A number alone does not name a process: the operating system gives it to another one later. A record therefore
holds the start time too, and a process that was started but never recorded is found by its command line.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psutil

from raccordo.dev.state import POLL_SECONDS, write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

START_TOLERANCE_SECONDS = 2.0
"""Start times are derived from the boot time, which a clock adjustment moves a little."""

_children: dict[int, subprocess.Popen[bytes]] = {}
"""Our own children by pid, kept so that they are reaped when they end."""


@dataclass(frozen=True)
class DetachedProcess:
    """A process in a group of its own, named by pid and start time (seconds since the epoch)."""

    pid: int
    started: float

    @classmethod
    def spawn(
        cls, command: Sequence[str], *, log: Path, folder: Path, environ: Mapping[str, str]
    ) -> DetachedProcess:
        """Start `command` in `folder` so that it survives us and our terminal; its output goes to `log`."""
        with log.open("ab") as output:
            child = subprocess.Popen(  # noqa: S603 - our own command
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=dict(environ),
                start_new_session=True,
            )
        _children[child.pid] = child
        try:
            started = psutil.Process(child.pid).create_time()
        except psutil.NoSuchProcess:
            started = 0.0
        return cls(child.pid, started)

    @classmethod
    def recorded(cls, path: Path) -> DetachedProcess | None:
        """Return the process that `path` records, None if it ended or the file is missing or damaged."""
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            process = cls(int(fields["pid"]), float(fields["started"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return process if process.is_running() else None

    @classmethod
    def running_with(cls, argument: str) -> DetachedProcess | None:
        """Return a running process that has `argument` on its command line, recorded or not."""
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if argument in process.cmdline() and process.pid != os.getpid():
                    return cls(process.pid, process.create_time())
        return None

    def record(self, path: Path) -> None:
        """Remember the process in `path` for later commands."""
        write_atomically(path, json.dumps({"pid": self.pid, "started": self.started}) + "\n")

    @property
    def since(self) -> datetime:
        """When the process started."""
        return datetime.fromtimestamp(self.started, UTC)

    def is_running(self) -> bool:
        """Tell whether this very process still runs: neither a zombie nor a later owner of its pid counts."""
        child = _children.get(self.pid)
        if child is not None and child.poll() is not None:
            del _children[self.pid]
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started) > START_TOLERANCE_SECONDS:
                return False
            # The first thread of a JVM becomes a zombie while others still hold its files and ports.
            return process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1
        except psutil.NoSuchProcess:
            return False

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole process group; a process that has ended is no error."""
        if not self.is_running():
            return
        with suppress(ProcessLookupError):
            os.killpg(os.getpgid(self.pid), number)

    def end(self, patience: float) -> None:
        """Ask the process to end, wait `patience` seconds, then kill it. It has ended when this returns."""
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)
        if not self.wait(patience):
            self.kill()

    def kill(self) -> None:
        """End the process without giving it a chance to tidy up, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        self.wait(10.0)

    def wait(self, seconds: float) -> bool:
        """Wait at most `seconds` for the end; tell whether it came."""
        until = time.monotonic() + seconds
        while self.is_running():
            if time.monotonic() >= until:
                return False
            time.sleep(POLL_SECONDS)
        return True
