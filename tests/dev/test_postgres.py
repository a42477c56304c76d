"""The PostgreSQL process through restarts, kills and stale files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from raccordo.dev.postgres import PostgresProcess
from raccordo.dev.service import ServiceState
from raccordo.dev.state import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.postgres


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PostgresProcess]:
    """A stopped server of this test's own; none runs afterwards."""
    server = PostgresProcess(tmp_path / "postgres")
    yield server
    server.kill()


async def _execute(url: str, *statements: str) -> object:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        result = [await connection.execute(text(statement)) for statement in statements][-1]
        value = result.scalar() if result.returns_rows else None
    await engine.dispose()
    return value


async def test_data_survives_a_kill(server: PostgresProcess) -> None:
    """What was committed before SIGKILL is there after the next start, at the same address."""
    server.start()
    url = server.create_database("shop")
    await _execute(url, "create table orders (id int)", "insert into orders values (4711)")
    server.kill()
    assert server.status().state is ServiceState.STOPPED
    server.start()
    assert server.url("shop") == url
    assert await _execute(url, "select id from orders") == 4711


def test_a_second_start_leaves_the_server_alone(server: PostgresProcess) -> None:
    """Starting what runs changes nothing; stopping twice is no error."""
    server.start()
    first = server.process
    PostgresProcess(server.folder).start()
    assert server.process == first
    server.stop()
    server.stop()
    assert server.process is None


def test_a_pid_file_that_names_another_program_is_stale(server: PostgresProcess) -> None:
    """After a crash the pid may belong to anybody: it is neither believed nor stopped."""
    server.start()
    pid_file = server.folder / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    server.stop()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert server.status().state is ServiceState.STOPPED
    server.stop()
    server.start()
    assert server.status().state is ServiceState.RUNNING


async def test_a_folder_with_spaces_and_signs_is_reached(tmp_path: Path) -> None:
    """The address is quoted, for SQLAlchemy and for PostgreSQL's own client."""
    with PostgresProcess(tmp_path / "my shop & co 100%") as server:
        assert await _execute(server.create_database("shop"), "select 1") == 1


def test_a_deep_folder_gets_its_socket_elsewhere(tmp_path: Path) -> None:
    """A path too long for a Unix socket is no obstacle."""
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    with PostgresProcess(deep) as server:
        assert str(deep) not in server.url()
        assert server.status().state is ServiceState.RUNNING


@pytest.mark.parametrize("name", ["", "Orders", "a b", 'x"; drop database postgres; --', "1st", "x" * 64])
def test_a_database_name_that_needs_quoting_is_refused(server: PostgresProcess, name: str) -> None:
    """Names are plain words, so that no statement is ever built from surprises."""
    with pytest.raises(ServiceError, match="is no database name"):
        server.create_database(name)


def test_a_stopped_server_has_no_address(server: PostgresProcess) -> None:
    """The error says how to start it."""
    with pytest.raises(ServiceError, match="raccordo dev up postgres"):
        server.url()
