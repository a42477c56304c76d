"""The settings of the development broker, and the one-time formatting of its data folder (KRaft, Kafka 4)."""

from __future__ import annotations

import base64
import secrets
import shutil
import subprocess
from typing import TYPE_CHECKING

from raccordo.dev.state import ServiceError, write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PROPERTIES: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    # Topics are applied on purpose, never made by a typing error.
    "auto.create.topics.enable": "false",
    # One node holds the only replica of everything.
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # Few internal partitions and small buffers: quick first consumer, little memory.
    "offsets.topic.num.partitions": "5",
    "transaction.state.log.num.partitions": "5",
    "log.cleaner.dedupe.buffer.size": "16777216",
    # Tests meet rebalances and lost members quickly; a restarted broker is accepted again quickly.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
}

FORMAT = ("kafka.tools.StorageTool", "format")


def write_settings(file: Path, ports: tuple[int, int], data: Path, more: Mapping[str, str]) -> None:
    """Write the broker's settings for these client and controller ports; `more` wins over `PROPERTIES`."""
    broker, controller = ports
    settings = {
        **PROPERTIES,
        "listeners": f"PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{broker}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "log.dirs": str(data),
        **more,
    }
    lines = (f"{name}={_escaped(value)}\n" for name, value in settings.items())
    write_atomically(file, "".join(lines))


def format_once(data: Path, *, mark: Path, tool: Sequence[str], settings: Path, deadline: float) -> None:
    """Format the data folder with Kafka's `tool`, unless `mark` says that this was done completely before.

    A broker starts only after the mark was written, so an unmarked folder is what a cut-off formatting left
    and is made anew; should it hold records all the same, it is left alone.

    Raises:
        ServiceError: the folder holds records but no mark, or Kafka's tool failed or took longer than
            `deadline`.
    """
    if mark.exists():
        return
    if _holds_records(data):
        raise ServiceError(
            f"{data} holds records, but the mark {mark} is missing, so it is not formatted anew. "
            "Restore the mark (an empty file is enough), or move the folder away."
        )
    shutil.rmtree(data, ignore_errors=True)
    # A first byte below 0xF8 keeps the id from beginning with "-", which the tool would read as an option.
    cluster = (
        base64.urlsafe_b64encode(bytes([secrets.randbelow(0xF8)]) + secrets.token_bytes(15))
        .decode()
        .rstrip("=")
    )
    try:
        subprocess.run(  # noqa: S603 - Kafka's own tool
            [*tool, "-t", cluster, "-c", str(settings)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=deadline,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise ServiceError(f"Kafka could not format {data}:\n{error.stdout.strip()}") from error
    except subprocess.TimeoutExpired as error:
        raise ServiceError(f"Kafka did not format {data} within {deadline:g} s.") from error
    write_atomically(mark, f"{cluster}\n")


def _holds_records(data: Path) -> bool:
    """Tell whether a topic lies in the folder; the cluster metadata that formatting writes is none."""
    return any(not log.parent.name.startswith("__cluster_metadata-") for log in data.glob("*-[0-9]*/*.log"))


def _escaped(value: str) -> str:
    """Return `value` as a Java properties file spells it."""
    return value.replace("\\", "\\\\").replace("\n", "\\n")
