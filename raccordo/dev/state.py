"""Where development services keep their state, and how two commands at once stay out of each other's way."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from raccordo.errors import RaccordoError, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

POLL_SECONDS = 0.05
"""How long a waiting loop of this package sleeps between two looks."""


class ServiceError(RaccordoError):
    """A development service cannot start, stop or be reached; the sentence says what to do."""

    verdict = Verdict.STOP


def silent(_sentence: str) -> None:
    """Take a progress sentence and show it to nobody."""


def home(project: Path | None = None) -> Path:
    """Return the absolute state folder, made if missing and hidden from git.

    It is ``RACCORDO_HOME`` where that is set, else ``.raccordo`` in `project` (default: the working
    directory).

    Raises:
        ServiceError: the folder cannot be made.
    """
    named = os.environ.get("RACCORDO_HOME")
    folder = Path(named).expanduser().absolute() if named else (project or Path.cwd()) / ".raccordo"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            write_atomically(ignore, "*\n")
    except OSError as error:
        raise ServiceError(
            f"The state folder {folder} cannot be made ({error.strerror}). "
            "Set RACCORDO_HOME to a folder you may write."
        ) from error
    return folder


def write_atomically(path: Path, text: str) -> None:
    """Write a small file so that a reader or a crash sees the old text or the new one, never a part."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


@contextmanager
def locked(path: Path, deadline: float) -> Iterator[None]:
    """Hold the lock file `path` alone; wait at most `deadline` seconds for whoever holds it.

    The operating system gives the lock back when its holder dies, so no stale lock exists.

    Raises:
        ServiceError: somebody else still holds the lock after the deadline.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        until = time.monotonic() + deadline
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= until:
                    raise ServiceError(
                        f"Another command has held {path} for more than {deadline:g} s. "
                        "Wait for it, or end it, and try again."
                    ) from error
                time.sleep(POLL_SECONDS)
        yield


class Lease:
    """A share in a service that several processes use at once; the last one to leave shuts it down.

    Shares are locks of the operating system: a user that was killed has left.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+", encoding="utf-8")
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def leave(self, shut_down: Callable[[], None]) -> None:
        """Give the share back; run `shut_down` first if nobody else holds one, while newcomers wait."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        else:
            shut_down()
        finally:
            self._file.close()
