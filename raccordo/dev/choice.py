"""Which Kafka the demo and the tests use, said in one line.

``RACCORDO_KAFKA=host:port`` names a broker that runs already; ``RACCORDO_KAFKA=docker`` asks for a container
(and, if Docker does not have it yet, for its image); unset, Apache Kafka runs as a process. No image is
fetched unasked.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from raccordo.dev.state import ServiceError, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

VARIABLE = "RACCORDO_KAFKA"
IMAGE = "confluentinc/cp-kafka:7.9.0"
CONTAINER_DEADLINE_SECONDS = 120

CONTAINER_SETTINGS: Mapping[str, str] = {
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
}


class Broker(Protocol):
    """A broker that clients can reach."""

    @property
    def bootstrap(self) -> str:
        """Where clients connect: ``host:port``, several with commas."""
        ...


class BrokerKind(StrEnum):
    """Where the broker comes from."""

    GIVEN = "given"
    DOCKER = "docker"
    PROCESS = "process"


@dataclass(frozen=True)
class Choice:
    """Which broker, and why in one line; `bootstrap` is empty unless it was given."""

    kind: BrokerKind
    reason: str
    bootstrap: str = ""


def choose(environ: Mapping[str, str]) -> Choice:
    """Read which broker is wanted.

    Raises:
        ServiceError: ``RACCORDO_KAFKA`` is neither ``docker`` nor a list of ``host:port``.
    """
    wanted = environ.get(VARIABLE, "").strip()
    if wanted in {"", BrokerKind.PROCESS}:
        return Choice(
            BrokerKind.PROCESS, f"Kafka: Apache Kafka as a process here ({VARIABLE} names no other)."
        )
    if wanted == BrokerKind.DOCKER:
        return Choice(BrokerKind.DOCKER, f"Kafka: a container of {IMAGE} ({VARIABLE}=docker).")
    if all(re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[\w.-]+):\d{1,5}", part.strip()) for part in wanted.split(",")):
        return Choice(BrokerKind.GIVEN, f"Kafka: {wanted} ({VARIABLE}).", wanted)
    raise ServiceError(f"{VARIABLE}={wanted!r} is no broker: write host:port, `docker`, or leave it unset.")


@contextmanager
def broker(
    environ: Mapping[str, str],
    *,
    process: Callable[[], AbstractContextManager[Broker]],
    say: Callable[[str], None] = silent,
) -> Iterator[Broker]:
    """Offer the chosen broker for the time of the block and say which one it is.

    `process` makes the process broker (``lambda: KafkaProcess(folder)``) and is called only if that is the
    choice.

    Raises:
        ServiceError: the choice cannot be had; with the cure.
    """
    choice = choose(environ)
    say(choice.reason)
    match choice.kind:
        case BrokerKind.GIVEN:
            yield choice
        case BrokerKind.DOCKER:
            with _container() as bootstrap:
                yield Choice(choice.kind, choice.reason, bootstrap)
        case BrokerKind.PROCESS:
            with process() as running:
                yield running


@contextmanager
def _container() -> Iterator[str]:
    try:
        import docker  # noqa: PLC0415 - an extra
        import docker.errors  # noqa: PLC0415 - an extra
        from testcontainers.community.kafka import KafkaContainer  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ServiceError(
            f"{VARIABLE}=docker needs testcontainers. "
            f"Run `pip install 'raccordo[docker]'`, or unset {VARIABLE}."
        ) from error
    try:
        docker.from_env().ping()
    except docker.errors.DockerException as error:
        raise ServiceError(
            f"{VARIABLE}=docker, but no Docker answers. "
            f"Start Docker, or unset {VARIABLE} to run Kafka as a process."
        ) from error
    container = KafkaContainer(IMAGE).with_kraft()
    for name, value in CONTAINER_SETTINGS.items():
        container = container.with_env(name, value)
    try:
        container.start(timeout=CONTAINER_DEADLINE_SECONDS)
        yield container.get_bootstrap_server()
    finally:
        container.stop()
