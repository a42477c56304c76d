"""What every development service can say about itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


class ServiceName(StrEnum):
    """The services there are, in the order in which they start."""

    KAFKA = "kafka"
    POSTGRES = "postgres"


class ServiceState(StrEnum):
    """Whether a service runs here, is down, runs without answering, or is one that the environment names."""

    RUNNING = "running"
    STOPPED = "stopped"
    UNRESPONSIVE = "unresponsive"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class ServiceStatus:
    """One service at one moment; `address` is what a client connects to, `since` is in UTC."""

    name: ServiceName
    state: ServiceState
    address: str
    pid: int | None
    folder: Path
    since: datetime | None

    def as_json(self) -> dict[str, str | int | None]:
        """Return the fields as JSON values; times as RFC 3339."""
        return {
            "name": self.name.value,
            "state": self.state.value,
            "address": self.address,
            "pid": self.pid,
            "folder": str(self.folder),
            "since": None if self.since is None else self.since.isoformat(timespec="seconds"),
        }
