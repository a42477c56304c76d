"""Start, stop and look at the development services of one project: what `raccordo dev` calls.

All three may be repeated and may run at the same time; none of them waits without a deadline.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from raccordo.dev.choice import BrokerKind, choose
from raccordo.dev.kafka import KafkaProcess
from raccordo.dev.postgres import PostgresProcess
from raccordo.dev.service import ServiceName, ServiceState, ServiceStatus
from raccordo.dev.state import ServiceError, home, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


class Service(Protocol):
    """A development service."""

    def start(self) -> None:
        """Start, or do nothing if it runs; raises ServiceError."""

    def stop(self) -> None:
        """Stop, or do nothing if it does not run; raises ServiceError."""

    def status(self) -> ServiceStatus:
        """Look at it without changing anything."""
        ...


def kafka(folder: Path | None = None, say: Callable[[str], None] = silent) -> KafkaProcess:
    """Return the project's own broker, running or not. `folder` is the state folder, default `home()`."""
    return KafkaProcess((folder or home()) / "kafka", say=say)


def postgres(folder: Path | None = None, say: Callable[[str], None] = silent) -> PostgresProcess:
    """Return the project's own database server, running or not."""
    return PostgresProcess((folder or home()) / "postgres", say=say)


def up(
    names: Iterable[str] = (ServiceName.KAFKA,),
    *,
    folder: Path | None = None,
    say: Callable[[str], None] = silent,
) -> list[ServiceStatus]:
    """Start the named services and return their state once all of them serve.

    Where ``RACCORDO_KAFKA`` names a broker, that one is reported and none is started.

    Raises:
        ServiceError: an unknown name, or a service that does not start; those started before it keep running.
    """
    return [_up(name, folder, say) for name in _known(names)]


def down(
    names: Iterable[str] = tuple(ServiceName),
    *,
    folder: Path | None = None,
    say: Callable[[str], None] = silent,
) -> list[ServiceStatus]:
    """Stop the named services; their data stays.

    Raises:
        ServiceError: an unknown name, or another command holds a service for too long.
    """
    stopped: list[ServiceStatus] = []
    for name in reversed(_known(names)):
        service = _service(name, folder, say)
        service.stop()
        stopped.insert(0, service.status())
    return stopped


def status(names: Iterable[str] = tuple(ServiceName), *, folder: Path | None = None) -> list[ServiceStatus]:
    """Look at the named services, within a few seconds.

    Raises:
        ServiceError: an unknown name.
    """
    return [_elsewhere(name, folder) or _service(name, folder, silent).status() for name in _known(names)]


def _up(name: ServiceName, folder: Path | None, say: Callable[[str], None]) -> ServiceStatus:
    if (given := _elsewhere(name, folder)) is not None:
        say(f"Kafka: RACCORDO_KAFKA names {given.address}; that broker is used and none is started.")
        return given
    if name is ServiceName.KAFKA and choose(os.environ).kind is BrokerKind.DOCKER:
        raise ServiceError(
            "RACCORDO_KAFKA=docker is for the demo and the tests, which end their container when they end. "
            "Unset RACCORDO_KAFKA to keep Kafka running as a process."
        )
    service = _service(name, folder, say)
    service.start()
    return service.status()


def _elsewhere(name: ServiceName, folder: Path | None) -> ServiceStatus | None:
    """Return the broker that the environment names, if this is about Kafka and it names one."""
    if name is not ServiceName.KAFKA or (choice := choose(os.environ)).kind is not BrokerKind.GIVEN:
        return None
    address = choice.bootstrap
    return ServiceStatus(name, ServiceState.ELSEWHERE, address, pid=None, folder=folder or home(), since=None)


def _service(name: ServiceName, folder: Path | None, say: Callable[[str], None]) -> Service:
    return kafka(folder, say) if name is ServiceName.KAFKA else postgres(folder, say)


def _known(names: Iterable[str]) -> list[ServiceName]:
    asked = set(names)
    if unknown := sorted(asked.difference(ServiceName)):
        raise ServiceError(f"No such service: {', '.join(unknown)}. There are: {', '.join(ServiceName)}.")
    return [name for name in ServiceName if name in asked]
