"""Apache Kafka itself as one process on this machine: one KRaft node, loopback only, small, restartable.

A folder holds all of it::

    server.properties   written anew at each start
    ports.json          the ports of the last start, used again while they are free
    data/               what Kafka stores
    formatted           the cluster id; exists once the data folder was formatted completely
    process.json        pid and start time of the running broker
    kafka.log           this start's output; kafka.log.1 is the start before
    up.lock             held while a command starts or stops the broker
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from typing import TYPE_CHECKING, Self

from raccordo.dev import jars, jvm, kraft, ports
from raccordo.dev.process import DetachedProcess
from raccordo.dev.service import ServiceName, ServiceState, ServiceStatus
from raccordo.dev.state import POLL_SECONDS, ServiceError, locked, silent, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

START_DEADLINE = 90.0
STOP_DEADLINE = 20.0
HUNG_AFTER = 10.0
"""Seconds after which a running broker that answers nothing is replaced."""

LOG_TAIL_LINES = 20
PORT_ATTEMPTS = 3

JVM_OPTIONS = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.logFile=System.out",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss,SSS",
)


class KafkaProcess:
    """One Kafka broker whose whole state is `folder`; other processes may hold the same folder.

    As a context manager (plain or async) it is started on entry and stopped on exit. Without one, a started
    broker outlives this process until `stop` is called, here or elsewhere.

    `properties` are broker settings that win over the ones above; `say` is told in sentences what takes long.
    """

    def __init__(
        self,
        folder: Path,
        *,
        deadline: float = START_DEADLINE,
        properties: Mapping[str, str] | None = None,
        say: Callable[[str], None] = silent,
    ) -> None:
        self.folder = folder.absolute()
        self._deadline = deadline
        self._properties = dict(properties or {})
        self._say = say

    @property
    def bootstrap(self) -> str:
        """Where clients connect: ``127.0.0.1:port`` of the last start."""
        return f"127.0.0.1:{self._ports()[0]}"

    @property
    def process(self) -> DetachedProcess | None:
        """The running broker process, also one that was started but never recorded; None if none runs."""
        return DetachedProcess.recorded(self._record) or (
            DetachedProcess.running_with(str(self._settings_file)) if self._settings_file.exists() else None
        )

    def start(self) -> None:
        """Start the broker and return when it serves clients; do nothing if it does already.

        A process that runs without answering is replaced, a folder whose formatting was cut off is formatted
        again, a port that somebody took is exchanged for a free one.

        Raises:
            ServiceError: no Java, no jars, or the broker does not serve within the deadline; with its last
                log lines.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / "up.lock", self._deadline):
            self._start()

    def stop(self) -> None:
        """Let the broker shut down cleanly, at most 20 s; then kill it. Do nothing if none runs."""
        self._end(lambda process: process.end(STOP_DEADLINE))

    def kill(self) -> None:
        """End the broker with SIGKILL: what a power cut does to it."""
        self._end(DetachedProcess.kill)

    def restart(self) -> None:
        """Stop cleanly and start again on the same port."""
        self.stop()
        self.start()

    def suspend(self) -> None:
        """Freeze the broker (SIGSTOP): connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen broker go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def status(self) -> ServiceStatus:
        """Look whether the broker runs and answers, within about two seconds."""
        process = self.process
        if process is None:
            state = ServiceState.STOPPED
        elif ports.kafka_answers(self._ports()[0], patience=2.0):
            state = ServiceState.RUNNING
        else:
            state = ServiceState.UNRESPONSIVE
        return ServiceStatus(
            name=ServiceName.KAFKA,
            state=state,
            address=self.bootstrap if self._ports()[0] else "",
            pid=process.pid if process else None,
            folder=self.folder,
            since=process.since if process else None,
        )

    def log_tail(self) -> str:
        """Return the last lines that Kafka logged."""
        try:
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return "(no log)"
        return "\n".join(lines[-LOG_TAIL_LINES:]) or "(the log is empty)"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    @property
    def _settings_file(self) -> Path:
        return self.folder / "server.properties"

    @property
    def _record(self) -> Path:
        return self.folder / "process.json"

    @property
    def _log(self) -> Path:
        return self.folder / "kafka.log"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _mark(self) -> Path:
        return self.folder / "formatted"

    def _ports(self) -> tuple[int, int]:
        """Return the client and the controller port of the last start; zeros before the first."""
        try:
            broker, controller = json.loads((self.folder / "ports.json").read_text(encoding="utf-8"))
            return int(broker), int(controller)
        except (OSError, ValueError, TypeError):
            return 0, 0

    def _start(self) -> None:
        until = time.monotonic() + self._deadline
        if (running := self.process) is not None:
            if self._serves(running, min(until, time.monotonic() + HUNG_AFTER)):
                running.record(self._record)
                return
            self._say(f"Kafka: process {running.pid} runs but does not answer; it is replaced.")
            running.end(STOP_DEADLINE)
        java = jvm.java(say=self._say)
        command = [str(java), *JVM_OPTIONS, "-cp", os.pathsep.join(map(str, jars.kafka_jars(self._say)))]
        for _ in range(PORT_ATTEMPTS):
            self._choose_ports()
            kraft.write_settings(self._settings_file, self._ports(), self._data, self._properties)
            kraft.format_once(
                self._data,
                mark=self._mark,
                tool=[*command, *kraft.FORMAT],
                settings=self._settings_file,
                deadline=self._deadline,
            )
            process = self._launch(command)
            if self._serves(process, until):
                return
            if process.is_running():
                process.kill()
                raise ServiceError(self._failure(f"does not serve clients after {self._deadline:g} s"))
            if "Address already in use" not in self.log_tail():
                raise ServiceError(self._failure("ended while starting"))
        raise ServiceError(self._failure(f"found its port taken {PORT_ATTEMPTS} times"))

    def _choose_ports(self) -> None:
        """Keep the last ports while they are free, so that clients find a restarted broker again."""
        last = self._ports()
        chosen = tuple(port if port and ports.is_free(port) else ports.free_port() for port in last)
        if last[0] and chosen[0] != last[0]:
            self._say(f"Kafka: port {last[0]} is taken by another program; {chosen[0]} is used.")
        if chosen != last:
            write_atomically(self.folder / "ports.json", json.dumps(chosen) + "\n")

    def _launch(self, command: list[str]) -> DetachedProcess:
        if self._log.exists():
            self._log.replace(self._log.with_suffix(".log.1"))
        process = DetachedProcess.spawn(
            [*command, "kafka.Kafka", str(self._settings_file)],
            log=self._log,
            folder=self.folder,
            environ=os.environ,
        )
        process.record(self._record)
        return process

    def _serves(self, process: DetachedProcess, until: float) -> bool:
        """Wait until the broker answers; tell whether it did before it ended or the time was over."""
        while process.is_running():
            if ports.kafka_answers(self._ports()[0], patience=1.0):
                return True
            if time.monotonic() >= until:
                return False
            time.sleep(POLL_SECONDS)
        return False

    def _end(self, how: Callable[[DetachedProcess], None]) -> None:
        if not self.folder.exists():
            return
        with locked(self.folder / "up.lock", self._deadline):
            if (process := self.process) is not None:
                how(process)
            self._record.unlink(missing_ok=True)

    def _signal(self, number: signal.Signals) -> None:
        if (process := self.process) is not None:
            process.signal(number)

    def _failure(self, what: str) -> str:
        return f"Kafka {what}. The last lines of {self._log}:\n{self.log_tail()}"
