"""The state folder, its locks, and leases that the operating system gives back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from raccordo.dev.state import Lease, ServiceError, home, locked, write_atomically

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys, time
from pathlib import Path
from raccordo.dev.state import Lease, locked
if sys.argv[2] == "lease":
    lease = Lease(Path(sys.argv[1]))
else:
    lock = locked(Path(sys.argv[1]), 5)
    lock.__enter__()
print("held", flush=True)
time.sleep(600)
"""


def _holder(path: Path, kind: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path), kind], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_the_state_folder_is_beside_the_project_and_hidden_from_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without RACCORDO_HOME it is `.raccordo` of the project; git ignores all of it."""
    monkeypatch.delenv("RACCORDO_HOME", raising=False)
    assert home(tmp_path) == tmp_path / ".raccordo"
    assert (tmp_path / ".raccordo" / ".gitignore").read_text() == "*\n"


def test_raccordo_home_names_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RACCORDO_HOME wins, and a relative one is made absolute."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RACCORDO_HOME", "elsewhere")
    assert home() == tmp_path / "elsewhere"


def test_a_state_folder_that_cannot_be_made_names_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file in the way is an error that says which variable to set."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RACCORDO_HOME", str(tmp_path / "file" / "state"))
    with pytest.raises(ServiceError, match="Set RACCORDO_HOME"):
        home()


def test_a_held_lock_is_an_error_after_the_deadline(tmp_path: Path) -> None:
    """Waiting for another command ends, and the sentence names the lock."""
    holder = _holder(tmp_path / "lock", "lock")
    with (
        pytest.raises(ServiceError, match=r"Another command has held .*lock"),
        locked(tmp_path / "lock", 0.1),
    ):
        pass
    _kill(holder)


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    """SIGKILL frees the lock although its file stays."""
    _kill(_holder(tmp_path / "lock", "lock"))
    with locked(tmp_path / "lock", 0.1):
        assert (tmp_path / "lock").exists()


def test_only_the_last_user_shuts_the_service_down(tmp_path: Path) -> None:
    """A user that leaves while another one stays does not shut down; a killed user counts as gone."""
    ends: list[str] = []
    other = _holder(tmp_path / "lease", "lease")
    Lease(tmp_path / "lease").leave(lambda: ends.append("too early"))
    mine = Lease(tmp_path / "lease")
    _kill(other)
    mine.leave(lambda: ends.append("last"))
    assert ends == ["last"]


def test_an_atomic_write_leaves_nothing_else_behind(tmp_path: Path) -> None:
    """The new text replaces the old one and no scratch file stays."""
    write_atomically(tmp_path / "file", "old")
    write_atomically(tmp_path / "file", "new")
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208 - names only
    assert (tmp_path / "file").read_text() == "new"
