"""The settings of a worker, read from ``RACCORDO_*``: each says what it means; wrong ones are told all at once."""

from __future__ import annotations

import difflib
import os
import re
import socket
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from raccordo.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX: Final = "RACCORDO_"
DEFAULT_LEDGER: Final = "sqlite:///.raccordo/ledger.db"

_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def default_host() -> str:
    """The name that tells this worker's machine from others: the pod's name where there is one."""
    return os.environ.get("POD_NAME") or socket.gethostname()


class Settings(BaseSettings):
    """How a worker runs. Times are in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    ledger: str = Field(
        default=DEFAULT_LEDGER, description="Where the ledger lives: sqlite:///PATH or postgresql://…."
    )
    tenants: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset({"default"}), description="Tenants whose events are accepted, separated by commas."
    )
    host: str = Field(default_factory=default_host, description="Machine part of the static member id.")
    slot: int = Field(default=0, ge=0, description="Number of this worker process on its machine.")
    max_in_flight: int = Field(
        default=1000, ge=1, description="Records of one flow in memory; above it fetching pauses."
    )
    max_bytes_in_flight: int = Field(
        default=64 * 2**20, ge=2**20, description="Their bodies' bytes; above it too."
    )
    fetch_limit: int = Field(default=500, ge=1, description="Records taken from the broker at once.")
    commit_interval: float = Field(default=0.5, gt=0, description="Time between offset commits.")
    poll_interval: float = Field(
        default=0.25, gt=0, description="Time between looks for parked lanes that are due."
    )
    drain_timeout: float = Field(
        default=10.0, gt=0, description="Time to finish what is in flight at a stop or a rebalance."
    )
    give_up_after: float = Field(
        default=7 * 86400.0, gt=0, description="Longest time an event waits for a system."
    )
    ledger_ttl: float = Field(
        default=150 * 86400.0, gt=0, description="How long the ledger remembers what has ended."
    )
    redrive_horizon: float = Field(
        default=30 * 86400.0, gt=0, description="How long after its death a letter may be redriven."
    )
    loop_lag_limit: float = Field(
        default=2.0, gt=0, description="A loop blocked for longer is reported and not ready."
    )
    adopt_ledger: bool = Field(
        default=False, description="Accept a ledger that does not know what the group has committed."
    )
    leave: bool = Field(
        default=False, description="Give the partitions up for good at a stop: a planned scale-down."
    )
    log_level: str = Field(
        default="info", pattern="^(debug|info|warning|error)$", description="Least level that is logged."
    )

    @field_validator("tenants", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = frozenset(part.strip() for part in value.split(",") if part.strip())
        wrong = [name for name in value if not _TENANT.fullmatch(str(name))]
        if wrong or not value:
            told = ", ".join(sorted(wrong)) or "none given"
            message = f"a tenant is a-z, 0-9 and '-', at most 63 characters; wrong: {told}"
            raise ValueError(message)
        return value

    @classmethod
    def from_environment(cls, **overrides: Any) -> Self:
        """Read the settings. Raises ConfigError that lists every wrong one with its variable."""
        try:
            return cls(**overrides)
        except ValidationError as error:
            raise ConfigError(problems_of(error, PREFIX)) from error


def problems_of(error: ValidationError, prefix: str) -> list[str]:
    """Turn a settings error into one sentence for each variable, without the values."""
    sentences = []
    for problem in error.errors(include_input=False, include_url=False):
        name = "_".join(str(part) for part in problem["loc"]).upper() or "*"
        said = "is not set" if problem["type"] == "missing" else problem["msg"].removeprefix("Value error, ")
        sentences.append(f"{prefix}{name}: {said}")
    return sentences


def ttl_problems(settings: Settings, retentions: Iterable[float]) -> list[str]:
    """Check that the ledger remembers longer than any repeat of an event may come.

    An event can come back for as long as its topic keeps it, then wait, then die, then be redriven.
    """
    needed = max(retentions, default=0.0) + settings.give_up_after + settings.redrive_horizon
    if settings.ledger_ttl > needed:
        return []
    return [
        (
            f"{PREFIX}LEDGER_TTL: {settings.ledger_ttl / 86400:g} days is not longer than the longest topic retention "
            f"plus {PREFIX}GIVE_UP_AFTER plus {PREFIX}REDRIVE_HORIZON ({needed / 86400:g} days): a late repeat would "
            "take effect twice"
        )
    ]


def misspelled(environment: Iterable[str], known: Iterable[str], blocks: Iterable[str]) -> list[str]:
    """Find variables that begin like a block of settings (``RACCORDO_SAP_``) and are none of the `known` ones."""
    names = set(known)
    problems = []
    for name in sorted(environment):
        if name not in names and name.startswith(tuple(blocks)):
            near = difflib.get_close_matches(name, names, n=1)
            problems.append(
                f"{name}: there is no such setting" + (f"; did you mean {near[0]}?" if near else "")
            )
    return problems
