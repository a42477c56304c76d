"""What can happen to a SQLite file, and what the ledger says and keeps."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
import sys
from typing import TYPE_CHECKING, Any

import pytest

from ledgers import TOPIC, Owner, key_of, take
from raccordo.broker import Partition
from raccordo.errors import ConfigError, LedgerError
from raccordo.ledger import State, sqlite
from raccordo.ledger.sql import SqlLedger
from raccordo.ledger.sqlite import SqliteDatabase, file_system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

WORKER = """
import asyncio, sys
sys.path[:0] = sys.argv[1].split(":")
from ledgers import take
from raccordo.ledger.sql import SqlLedger

async def main(url, number, events):
    ledger = SqlLedger(url)
    await ledger.start()
    owner = await take(ledger, number)
    async def one(n):
        await owner.carry(f"{number}-{n}", n)
        print(n, flush=True)
    for start in range(0, events, 10):
        await asyncio.gather(*(one(n) for n in range(start, start + 10)))
    await ledger.stop()

asyncio.run(main(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger lies."""
    return tmp_path / "deep" / "ledger.db"


@pytest.fixture
async def ledger(path: Path) -> AsyncIterator[SqlLedger]:
    """A ledger in a file."""
    ledger = SqlLedger(f"sqlite:///{path}")
    await ledger.start()
    yield ledger
    await ledger.stop()


@pytest.fixture
async def owner(ledger: SqlLedger) -> Owner:
    """The owner of partition 0."""
    return await take(ledger)


def overwrite(path: Path, raw: bytes) -> None:
    """Put something else in the ledger's place."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(raw)


def damage(path: Path) -> None:
    """Flip bytes at the beginning of every page but the first two."""
    raw = bytearray(path.read_bytes())
    for page in range(2, len(raw) // 4096):
        raw[page * 4096 : page * 4096 + 64] = b"\xa5" * 64
    path.write_bytes(raw)


async def worker(path: Path, number: int, events: int) -> asyncio.subprocess.Process:
    """Start another process that carries events for a partition of its own and prints each one when it has ended."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WORKER,
        ":".join(sys.path),
        f"sqlite:///{path}",
        str(number),
        str(events),
        stdout=asyncio.subprocess.PIPE,
    )


async def test_two_processes_share_one_file(path: Path, owner: Owner) -> None:
    process = await worker(path, 1, 100)
    for start in range(0, 100, 10):
        await asyncio.gather(*(owner.carry(f"0-{number}", number) for number in range(start, start + 10)))
    printed, _ = await process.communicate()

    assert process.returncode == 0
    assert len(printed.split()) == 100
    other = await take(owner.ledger, 1)
    assert len(await owner.ledger.outbox([owner.grant, other.grant])) == 200


async def test_what_a_killed_process_was_told_is_durable(path: Path, owner: Owner) -> None:
    process = await worker(path, 1, 10_000)
    assert process.stdout is not None
    told = [int(await process.stdout.readline()) for _ in range(35)]
    process.send_signal(signal.SIGKILL)
    told += [
        int(line) for line in (await process.stdout.read()).splitlines(keepends=True) if line.endswith(b"\n")
    ]
    await process.wait()

    successor = await take(owner.ledger, 1)
    claims = [successor.a_claim(f"1-{number}", number) for number in told]
    states = {(await owner.ledger.claim(claim)).state for claim in claims}

    assert len(told) >= 35
    assert states == {State.CONFIRMED}


async def test_a_full_disk_stops_everything_and_work_goes_on_when_there_is_room(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = 10_000
    prepare = sqlite._prepare

    def limited(connection: sqlite3.Connection, record: Any) -> None:
        prepare(connection, record)
        connection.execute(f"PRAGMA max_page_count={pages}")

    monkeypatch.setattr(sqlite, "_prepare", limited)
    ledger = SqlLedger(f"sqlite:///{path}")
    await ledger.start()
    owner = await take(ledger)
    await owner.carry("before")
    pages = 1
    await ledger.database.write(
        lambda connection: connection.exec_driver_sql("PRAGMA max_page_count=1").scalar()
    )
    big = owner.a_parking("a", head=owner.record(1, b"x" * 200_000))
    await ledger.claim(owner.a_claim("a", 1))

    for _ in range(2):
        with pytest.raises(LedgerError, match="its disk is full; make room"):
            await ledger.park(big)
    assert await ledger.due([owner.grant], 10_000, 9) == []

    pages = 10_000
    await ledger.park(big)
    assert len(await ledger.due([owner.grant], 10_000, 9)) == 1
    assert (await ledger.claim(owner.a_claim("before"))).state is State.CONFIRMED
    await ledger.stop()


async def test_a_file_that_another_program_holds_is_said_to_be_locked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    ledger = SqlLedger(f"sqlite:///{path}")
    await ledger.start()
    owner = await take(ledger)
    intruder = sqlite3.connect(path, isolation_level=None)
    intruder.execute("BEGIN IMMEDIATE")

    with pytest.raises(LedgerError, match="write lock for too long"):
        await ledger.claim(owner.a_claim("a"))
    with pytest.raises(LedgerError, match="write lock for too long"):
        await ledger.ping()

    intruder.execute("ROLLBACK")
    intruder.close()
    assert (await ledger.claim(owner.a_claim("a"))).state is None
    await ledger.stop()


async def test_a_file_that_may_not_be_written_is_said_to_be_so(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = SqlLedger(f"sqlite:///{path}")
    await ledger.start()
    await ledger.database.write(lambda connection: connection.exec_driver_sql("PRAGMA query_only=ON").close())

    with pytest.raises(LedgerError, match="it is read-only for this user"):
        await ledger.ping()
    await ledger.stop()


async def test_a_file_that_is_no_ledger_is_refused(path: Path) -> None:
    overwrite(path, b"a letter to somebody, " * 1_000)

    with pytest.raises(ConfigError, match="damaged or is no ledger"):
        await SqlLedger(f"sqlite:///{path}").start()


async def test_a_damaged_file_is_refused_at_start(path: Path, ledger: SqlLedger, owner: Owner) -> None:
    await asyncio.gather(*(owner.carry(f"e{number}", number) for number in range(200)))
    await ledger.stop()
    damage(path)

    with pytest.raises(ConfigError, match="damaged"):
        await SqlLedger(f"sqlite:///{path}").start()


async def test_a_ledger_that_lost_its_end_is_found_out_by_its_position(
    tmp_path: Path, path: Path, ledger: SqlLedger, owner: Owner
) -> None:
    """A cut write-ahead log is invisible to SQLite; the sequence beside the committed offset tells."""
    for number in range(20):
        await owner.carry(f"e{number}", number)
    committed = ledger.sequence(owner.grant)
    for name in ("ledger.db", "ledger.db-wal"):
        shutil.copy(path.with_name(name), tmp_path / name)
    log = tmp_path / "ledger.db-wal"
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])

    shorter = SqlLedger(f"sqlite:///{tmp_path}/ledger.db")
    await shorter.start()
    (acquired,) = await shorter.acquire(owner.grant.flow, [owner.grant.partition], "other", 1)
    await shorter.stop()

    assert acquired.ledger_id == ledger.ledger_id
    assert acquired.sequence < committed


async def test_a_network_file_system_is_refused(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nfiler:/x {tmp_path}/with\\040space nfs4 rw 0 0\n")
    (tmp_path / "with space").mkdir()

    with pytest.raises(ConfigError, match=r"network file system \(nfs4\)"):
        await SqliteDatabase(tmp_path / "with space" / "ledger.db", mounts=mounts).open()

    assert file_system(tmp_path / "ledger.db", mounts) == "ext4"
    assert file_system(tmp_path / "ledger.db", tmp_path / "nothing") == ""


async def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="its folder cannot be made"):
        await SqlLedger(f"sqlite:///{tmp_path}/file/ledger.db").start()


async def test_steps_of_several_partitions_may_share_a_group(ledger: SqlLedger) -> None:
    acquired = await ledger.acquire("flow", [Partition(TOPIC, number) for number in range(40)], "w", 1)
    owners = [Owner(ledger, one.grant) for one in acquired]

    standings = await asyncio.gather(*(one.ledger.claim(one.a_claim(f"{one.grant}")) for one in owners))

    assert {standing.state for standing in standings} == {None}
    assert len({key_of(str(one.grant)) for one in owners}) == 40
