"""What commands connect to, made of the settings of the environment in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raccordo.errors import ConfigError

if TYPE_CHECKING:
    from raccordo.broker import Broker
    from raccordo.settings import Settings


def settings() -> Settings:
    """Read the settings. Raises ConfigError with every wrong one."""
    from raccordo.settings import Settings  # noqa: PLC0415 - only the commands that need them wait for them

    return Settings.from_environment()


def broker() -> Broker:
    """Make the broker that the environment names; it connects when it is used. Raises ConfigError."""
    from raccordo.broker.kafka import connect  # noqa: PLC0415 - as above
    from raccordo.broker.settings import KafkaSettings  # noqa: PLC0415 - as above

    return connect(KafkaSettings.from_environment())


def tenant_of(settings: Settings, name: str | None) -> str | None:
    """Check a tenant that a person named. Raises ConfigError for one that is not configured."""
    if name is not None and name not in settings.tenants:
        there = ", ".join(sorted(settings.tenants))
        raise ConfigError(f"tenant {name!r} is not configured; RACCORDO_TENANTS names {there}")
    return name
