"""SQLite as the ledger's database: one thread that writes, one that reads, each with its connection.

A whole transaction is one hop to a thread, and its fsync holds nobody up. Several processes may share the file: each
write takes the file's write lock at its beginning, so that no transaction fails half-way for a lock.
"""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import create_engine, event
from sqlalchemy.pool import StaticPool

from raccordo.errors import ConfigError, LedgerError
from raccordo.ledger.outage import FOREIGN, outage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy import Connection, Engine

T = TypeVar("T")

BUSY_SECONDS: Final = 30.0
"""How long a write waits for another process's write."""

CHECKED_BYTES: Final = 64 * 1024 * 1024
"""A file up to this size is checked for damage at start (a tenth of a second); a larger one by `verify` only."""

NETWORK: Final = re.compile(
    r"nfs\d?|cifs|smb\w*|afs|ncpfs|9p|ceph|glusterfs|lustre|gpfs|beegfs|ocfs2|gfs2|orangefs|davfs"
    r"|fuse\.(sshfs|glusterfs|ceph|s3fs|rclone|gcsfuse|davfs2?)"
)
"""File systems over a network, where locks and memory maps of SQLite's write-ahead log do not hold."""


DAMAGE: Final = re.compile("not a database|malformed")
"""What SQLite says of a file that is damaged or something else."""


class SqliteDatabase:
    """One SQLite file, or a database in memory (`path` None) that goes with this object."""

    serial = True

    def __init__(self, path: Path | None, *, mounts: Path = Path("/proc/mounts")) -> None:
        self.path = path.absolute() if path else None
        self.where = str(path) if path else "in memory"
        self._mounts = mounts
        self._writer = _Thread(self.path, "BEGIN IMMEDIATE")
        self._reader = _Thread(self.path, "BEGIN") if self.path else self._writer

    async def open(self) -> None:
        """Connect. Raises ConfigError on a network file system, LedgerError for a damaged or forbidden file."""
        if self.path is not None:
            kind = file_system(self.path, self._mounts)
            if NETWORK.fullmatch(kind):
                message = (
                    f"ledger {self.where}: it lies on a network file system ({kind}), where SQLite loses data; "
                    "put it on a local disk, or use PostgreSQL"
                )
                raise ConfigError(message)
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                checked = self.path.exists() and self.path.stat().st_size <= CHECKED_BYTES
            except OSError as error:
                message = f"ledger {self.where}: its folder cannot be made ({error.strerror})"
                raise ConfigError(message) from error
            await self._refusing_damage(self.write, "SELECT 1 FROM sqlite_schema LIMIT 1")
            if checked:
                await self.verify()

    async def verify(self) -> None:
        """Read the whole file and check its structure. Raises ConfigError where it is damaged."""
        if await self._refusing_damage(self.read, "PRAGMA quick_check(1)") != "ok":
            raise self._damaged()

    async def _refusing_damage(self, how: Callable[..., Awaitable[Any]], statement: str) -> Any:
        """Run a statement; a damaged file is a reason not to start, since no waiting mends it."""
        try:
            return await how(lambda connection: connection.exec_driver_sql(statement).scalar())
        except LedgerError as error:
            if DAMAGE.search(str(error.__cause__)):
                raise self._damaged() from error
            raise

    def _damaged(self) -> ConfigError:
        return ConfigError(
            f"ledger {self.where}: the file is damaged or is no ledger; restore it from a backup"
        )

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in one transaction that excludes every other write."""
        return await self._do(self._writer, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Do `work` over one snapshot."""
        return await self._do(self._reader, work)

    async def _do(self, thread: _Thread, work: Callable[[Connection], T]) -> T:
        try:
            return await thread.run(work)
        except FOREIGN as error:
            raise outage(error, self.where) from error

    async def close(self) -> None:
        """Disconnect; the last process to do so folds the write-ahead log into the file."""
        await self._reader.close()
        await self._writer.close()


class _Thread:
    """One connection with a thread of its own. It connects when first used, and again after an error."""

    def __init__(self, path: Path | None, begin: str) -> None:
        self._path = path
        self._begin = begin
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._executor: ThreadPoolExecutor | None = None

    async def run(self, work: Callable[[Connection], T]) -> T:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._transact, work)

    def _transact(self, work: Callable[[Connection], T]) -> T:
        try:
            connection = self._connection = self._connection or self._connect()
            with connection.begin():
                return work(connection)
        except FOREIGN:
            self._disconnect()
            raise

    def _connect(self) -> Connection:
        if self._engine is None:
            address = "sqlite://" if self._path is None else f"sqlite:///{self._path}"
            self._engine = create_engine(
                address,
                poolclass=StaticPool,
                connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
            )
            event.listen(self._engine, "connect", _prepare)
            begin = self._begin
            event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return self._engine.connect()

    def _disconnect(self) -> None:
        if self._path is None:
            return  # what is in memory goes with its connection
        connection, self._connection = self._connection, None
        engine, self._engine = self._engine, None
        if connection is not None:
            connection.close()
        if engine is not None:
            engine.dispose()

    async def close(self) -> None:
        executor, self._executor = self._executor, None
        if executor is not None:
            await asyncio.get_running_loop().run_in_executor(executor, self._end)
            executor.shutdown(wait=False)

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._engine is not None:
            self._engine.dispose()
        self._connection = self._engine = None


def _prepare(connection: Any, _record: Any) -> None:
    """Make a new connection durable, patient, and leave the beginning of transactions to us."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA temp_store=MEMORY")
    cursor.close()


def file_system(path: Path, mounts: Path) -> str:
    """Say on which type of file system a path would lie, "" where the system does not tell (no ``/proc/mounts``)."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    best, found = -1, ""
    real = path.resolve()
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:  # noqa: PLR2004 - device, mount point, type
            continue
        point = Path(fields[1].encode().decode("unicode_escape"))
        if len(point.parts) >= best and real.is_relative_to(point):
            best, found = len(point.parts), fields[2]
    return found
