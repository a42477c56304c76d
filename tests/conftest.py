"""Fixtures for every room: the one shared Kafka broker and fresh PostgreSQL databases.

Both services are shared by all tests, xdist workers and test runs of this working tree; the last user stops
them. A run that was killed leaves at most one running service, which the next run takes over.
"""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

import pytest

from raccordo.dev import choice
from raccordo.dev.state import home
from raccordo.dev.tenancy import shared_kafka, shared_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from raccordo.dev.choice import Broker
    from raccordo.dev.postgres import PostgresProcess


@pytest.fixture(scope="session")
def services_folder(pytestconfig: pytest.Config) -> Path:
    """Where the shared test services live, apart from the data of `raccordo dev up`."""
    return home(pytestconfig.rootpath) / "tests"


@pytest.fixture(scope="session")
def kafka(services_folder: Path) -> Iterator[Broker]:
    """A broker for tests that only use it: `kafka.bootstrap`. Name topics and groups uniquely (`unique`).

    A test that stops, kills or freezes its broker takes a `KafkaProcess(tmp_path)` of its own.
    """
    with choice.broker(os.environ, process=lambda: shared_kafka(services_folder)) as broker:
        yield broker


@pytest.fixture(scope="session")
def postgres(services_folder: Path) -> Iterator[PostgresProcess]:
    """The shared PostgreSQL server; tests mostly want `postgres_url`."""
    with shared_postgres(services_folder) as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresProcess) -> Iterator[str]:
    """The SQLAlchemy address (asyncpg) of an empty database that is this test's own."""
    name = f"test_{uuid.uuid4().hex}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture
def unique() -> str:
    """A short word that no other test has, for topics and consumer groups on the shared broker."""
    return uuid.uuid4().hex[:12]
