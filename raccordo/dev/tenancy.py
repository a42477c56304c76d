"""Services that several test processes share: started by the first user, stopped and emptied by the last.

Each user holds a lease, a lock that the operating system returns when its holder dies. A killed run therefore
leaves at most a running service, which the next run adopts.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from raccordo.dev.kafka import KafkaProcess
from raccordo.dev.postgres import PostgresProcess
from raccordo.dev.state import Lease, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path


class Service(Protocol):
    """What a lease needs of a service."""

    @property
    def folder(self) -> Path:
        """The folder that holds all of its state."""
        ...

    def start(self) -> None:
        """Start, or do nothing if it runs."""

    def stop(self) -> None:
        """Stop, or do nothing if it does not run."""


S = TypeVar("S", bound=Service)


def shared_kafka(folder: Path, say: Callable[[str], None] = silent) -> AbstractContextManager[KafkaProcess]:
    """Share the broker in `folder` with other processes; its data is deleted when the last one leaves."""
    return _shared(KafkaProcess(folder / "kafka", say=say), folder / "kafka.lease")


def shared_postgres(
    folder: Path, say: Callable[[str], None] = silent
) -> AbstractContextManager[PostgresProcess]:
    """Share the server in `folder` with other processes; its data is deleted when the last one leaves."""
    return _shared(PostgresProcess(folder / "postgres", say=say, durable=False), folder / "postgres.lease")


@contextmanager
def _shared(service: S, lease_file: Path) -> Iterator[S]:
    lease = Lease(lease_file)

    def shut_down() -> None:
        service.stop()
        shutil.rmtree(service.folder, ignore_errors=True)

    try:
        service.start()
        yield service
    finally:
        lease.leave(shut_down)
