"""Kafka's jars: resolved once by jgo, pinned by version and digest, shared by all projects of the user.

The lock file beside this module is jgo's own format. `python -m raccordo.dev.jars lock` writes it anew;
without `lock` it fetches. The jars land in Maven's local repository (``~/.m2/repository``, or ``M2_REPO``);
another Maven mirror is named in jgo's settings file. jgo's own environments are not used: to sort jars into
modules they would download a second JDK.
"""

from __future__ import annotations

import hashlib
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raccordo.dev.state import ServiceError, locked, silent

if TYPE_CHECKING:
    from collections.abc import Callable

COORDINATES = ("org.apache.kafka:kafka_2.13:4.3.1", "org.slf4j:slf4j-simple:1.7.36")
"""What is resolved. Naming log4j-core too would pull kafka-clients down to 3.8."""

LOCK = Path(__file__).with_name("kafka.lock.toml")
DOWNLOAD_DEADLINE = 600.0
PROGRESS_EVERY = 10


def kafka_jars(say: Callable[[str], None] = silent) -> list[Path]:
    """Return the paths of all jars on Kafka's class path, downloading what is missing.

    Every jar is compared with the digest in the lock file; one that differs is fetched again, once.

    Raises:
        ServiceError: jgo is not installed, a download failed, or a jar is not what the lock file says.
    """
    pinned = tomllib.loads(LOCK.read_text(encoding="utf-8"))["dependencies"]
    context = _maven()
    artifacts = [
        (
            context.project(jar["groupId"], jar["artifactId"]).at_version(jar["version"]).artifact(),
            jar["sha256"],
        )
        for jar in pinned
    ]
    repository = Path(context.repo_cache)
    with locked(repository / ".raccordo.lock", DOWNLOAD_DEADLINE):
        missing = sum(not Path(artifact.cached_path).exists() for artifact, _ in artifacts)
        if missing:
            say(
                f"Kafka: {missing} of {len(artifacts)} jars are fetched to {repository} "
                "(once, about 46 MB in all)."
            )
        paths = []
        for number, (artifact, digest) in enumerate(artifacts, start=1):
            paths.append(_genuine(artifact, digest))
            if missing and number % PROGRESS_EVERY == 0:
                say(f"Kafka: {number} of {len(artifacts)} jars are here.")
        return paths


def write_lock() -> None:
    """Resolve the coordinates anew and write the lock file."""
    from jgo.env import LockFile  # noqa: PLC0415 - a development extra
    from jgo.parse import Coordinate  # noqa: PLC0415 - a development extra

    context = _maven()
    wanted = [context.create_dependency(Coordinate.parse(coordinate)) for coordinate in COORDINATES]
    named, transitive = context.resolver.resolve(wanted)
    needed = [
        *named,
        *(dependency for dependency in transitive if dependency.scope in {"compile", "runtime"}),
    ]
    LockFile.from_resolved_dependencies(needed, environment_name="kafka").save(LOCK)


def _maven() -> Any:
    try:
        from jgo.config import GlobalSettings  # noqa: PLC0415 - a development extra
        from jgo.maven import MavenContext  # noqa: PLC0415 - a development extra
    except ImportError as error:
        raise ServiceError("Kafka's jars need the package jgo. Run `pip install 'raccordo[dev]'`.") from error
    context = MavenContext(timeout=60)
    context.remote_repos = {**GlobalSettings.load().repositories, **context.remote_repos}
    return context


def _genuine(artifact: Any, digest: str) -> Path:
    """Return the path of a jar that has the pinned digest."""
    for _ in range(2):
        try:
            path = Path(artifact.resolve())
        except Exception as error:  # jgo lets the errors of its HTTP library and its own through
            raise ServiceError(
                f"The jar {artifact.filename} cannot be fetched ({type(error).__name__}). "
                "Check the network, or name a Maven mirror in jgo's settings file."
            ) from error
        if hashlib.sha256(path.read_bytes()).hexdigest() == digest:
            return path
        path.unlink()  # a download that was cut leaves a part behind
    raise ServiceError(
        f"The jar {artifact.filename} is not the one that {LOCK.name} pins: "
        "its SHA-256 differs, also after a fresh download."
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["lock"]:
        write_lock()
    else:
        kafka_jars(lambda sentence: print(sentence, flush=True))  # noqa: T201 - this is a command
