"""From the environment to a working process: everything read and checked first, all problems told at once."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from raccordo import failpoints
from raccordo.app import App, load
from raccordo.broker.kafka import connect
from raccordo.broker.settings import BOOTSTRAP, ENV_PREFIX, KafkaSettings
from raccordo.errors import ConfigError
from raccordo.ledger.sql import SqlLedger
from raccordo.settings import Settings, misspelled
from raccordo.telemetry import configure
from raccordo.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from raccordo.connector import ConnectorConfig

T = TypeVar("T")

CONFIG_EXIT: Final = 2
"""The exit code of a worker that waiting cannot mend."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What `raccordo run` was asked for. `flows` empty: all. `health` "": no listener."""

    app_dir: str
    flows: tuple[str, ...] = ()
    health: str = ""
    adopt_ledger: bool = False
    leave: bool = False

    def health_of(self, slot: int) -> str:
        """Where the worker of a slot listens when several work under a supervisor: on the ports above its own."""
        host, _, port = self.health.rpartition(":")
        return f"{host}:{int(port) + 1 + slot}" if port.isdigit() else ""


def prepare(plan: Plan, slot: int, health: str) -> Callable[[], Worker]:
    """Read settings, Kafka, application and connectors; returns what makes the worker inside a running loop.

    Raises ConfigError with every problem of all of them.
    """
    problems: list[str] = []

    def collect(read: Callable[[], T]) -> T | None:
        try:
            return read()
        except ConfigError as error:
            problems.extend(error.problems)
            return None

    asked = {"adopt_ledger": plan.adopt_ledger, "leave": plan.leave}
    overrides: dict[str, Any] = {"slot": slot} | {name: True for name, given in asked.items() if given}
    settings = collect(lambda: Settings.from_environment(**overrides))
    kafka = collect(KafkaSettings.from_environment)
    app = collect(lambda: load(plan.app_dir).only(plan.flows))
    configs = [collect(kind.config_type.from_environment) for kind in app.connectors] if app else []
    problems += _misspelled([kind.config_type for kind in app.connectors] if app else [])
    if problems or settings is None or kafka is None or app is None:
        raise ConfigError(problems)
    return lambda: _worker(app, settings, kafka, configs, health)


def _misspelled(configs: Sequence[type[ConnectorConfig]]) -> list[str]:
    """Find variables of Kafka's and the connectors' blocks that set nothing."""
    known = {BOOTSTRAP, *(f"{ENV_PREFIX}{name.upper()}" for name in KafkaSettings.model_fields)}
    known |= {config.environment_name(name) for config in configs for name in config.model_fields}
    blocks = [ENV_PREFIX, *(config.environment_name("") for config in configs)]
    return misspelled(os.environ, known, blocks)


def _worker(app: App, settings: Settings, kafka: KafkaSettings, configs: list[Any], health: str) -> Worker:
    return Worker(
        app,
        settings,
        broker=connect(kafka),
        ledger=SqlLedger(settings.ledger),
        connectors=[kind.open(config) for kind, config in zip(app.connectors, configs, strict=True)],
        log=configure(settings.log_level),
        health=health,
    )


def work(plan: Plan, slot: int, health: str) -> int:
    """Work in this process until told to stop; returns the exit code. Raises ConfigError."""

    async def run() -> int:
        return await making().run()

    making = prepare(plan, slot, health)
    failpoints.arm(os.environ.get(failpoints.VARIABLE, ""))
    return asyncio.run(run())


def work_supervised(plan: Plan, slot: int) -> None:
    """Be the worker of a slot, forked by the supervisor, in a session of its own; ends the process.

    Ctrl-C in the supervisor's terminal reaches the supervisor alone: the worker hears of it once, from there.
    """
    os.setsid()
    try:
        sys.exit(work(plan, slot, plan.health_of(slot)))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(CONFIG_EXIT)
