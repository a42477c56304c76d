"""The processes of the demonstration: Kafka, SAP, and workers under a supervisor; started, watched, stopped."""

from __future__ import annotations

import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

from raccordo.dev import choice
from raccordo.dev.kafka import KafkaProcess
from raccordo.dev.sap.environment import environment_for
from raccordo.dev.state import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

START_DEADLINE: Final = 30.0


def free_port(count: int = 1) -> int:
    """Find a port on loopback with free ones above it."""
    for _ in range(50):
        with ExitStack() as stack:
            first = stack.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                for above in range(1, count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port + above))
            except OSError:
                continue
            return port
    raise ServiceError("No free ports on loopback.")


@contextmanager
def sap(database: Path, *options: str) -> Iterator[str]:
    """Run SAP's counterpart in a process of its own; yields its address."""
    command = [sys.executable, "-m", "raccordo.dev.sap", "--db", str(database), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)  # noqa: S603 - our own command
    try:
        if process.stdout is None or not select.select([process.stdout], [], [], START_DEADLINE)[0]:
            raise ServiceError(f"SAP's counterpart did not start within {START_DEADLINE:g} s.")
        line = process.stdout.readline()
        if not line:
            raise ServiceError("SAP's counterpart ended at its start; see what it said above.")
        yield str(json.loads(line)["url"])
    finally:
        _end(process)


@contextmanager
def kafka(folder: Path, say: Callable[[str], None]) -> Iterator[str]:
    """Offer the broker that the environment chooses; yields its address."""
    with choice.broker(os.environ, process=lambda: KafkaProcess(folder, say=say), say=say) as broker:
        yield broker.bootstrap


class Workers:
    """`raccordo run --workers N`, with its log in a file and its health on loopback."""

    def __init__(self, count: int, environment: dict[str, str], log: Path) -> None:
        self._port = free_port(count + 1)
        command = [sys.executable, "-m", "raccordo", "run", "--workers", str(count)]
        command += ["--flow", "order-to-sap", "--health", f"127.0.0.1:{self._port}"]
        self._log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                command, env=os.environ | environment, stdout=file, stderr=file, start_new_session=True
            )

    def health(self) -> dict[str, Any]:
        """Ask the supervisor; {} while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/health", timeout=3) as answer:
                state: dict[str, Any] = json.load(answer)
                return state
        except (OSError, ValueError):
            return {}

    def wait_ready(self, deadline: float = START_DEADLINE) -> None:
        """Wait until every worker works on its share. Raises ServiceError with the end of the log."""
        end = time.monotonic() + deadline
        while not self.health().get("ready"):
            if self.process.poll() is not None or time.monotonic() > end:
                tail = self._log.read_text(errors="replace")[-2000:]
                raise ServiceError(f"The workers did not get ready. Their log ends with:\n{tail}")
            time.sleep(0.1)

    def pids(self) -> list[int]:
        """The process ids of the workers that answer."""
        return [worker["pid"] for worker in self.health().get("workers", {}).values() if "pid" in worker]

    def kill_one(self) -> int:
        """Kill one worker with SIGKILL; returns its process id."""
        pid = self.pids()[0]
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop(self) -> int:
        """Drain and stop; returns the exit code."""
        return _end(self.process)


def _end(process: subprocess.Popen[bytes], grace: float = 45.0) -> int:
    """Ask a process to end, and insist if it does not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return int(process.returncode)


def namespace(folder: Path) -> str:
    """Name the topics and groups of this folder's ledger, drawn once: another ledger must not meet its offsets."""
    file = folder / "namespace"
    if not file.exists():
        file.write_text(f"demo-{secrets.token_hex(3)}.", encoding="utf-8")
    return file.read_text(encoding="utf-8")


def environment(bootstrap: str, sap_url: str, folder: Path) -> dict[str, str]:
    """The settings of the demonstration: short times, stated where they differ from what production has."""
    return {
        "RACCORDO_KAFKA": bootstrap,
        "RACCORDO_KAFKA_NAMESPACE": namespace(folder),
        "RACCORDO_KAFKA_SESSION_TIMEOUT": "10",
        "RACCORDO_LEDGER": f"sqlite:///{folder / 'ledger.db'}",
        **environment_for(sap_url, timeout=1.0, settle=6.0, max_in_flight=8),
    }
