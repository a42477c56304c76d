"""How a detached process is recognised, also when its pid now belongs to somebody else."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from raccordo.dev.process import DetachedProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
IGNORING = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(99)"
)
STUBBORN = [sys.executable, "-c", IGNORING]


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[DetachedProcess]:
    """A process that does nothing for ten minutes."""
    process = DetachedProcess.spawn(SLEEPER, log=tmp_path / "log", folder=tmp_path, environ=os.environ)
    yield process
    process.kill()


def test_a_recorded_process_is_found_again(sleeper: DetachedProcess, tmp_path: Path) -> None:
    """What one command records, the next one finds, in a process group apart from ours."""
    sleeper.record(tmp_path / "record")
    assert DetachedProcess.recorded(tmp_path / "record") == sleeper
    assert os.getpgid(sleeper.pid) != os.getpgid(0)


def test_an_ended_process_is_not_found(sleeper: DetachedProcess, tmp_path: Path) -> None:
    """After the end the record means nothing, and ending it again is no error."""
    sleeper.record(tmp_path / "record")
    sleeper.kill()
    assert DetachedProcess.recorded(tmp_path / "record") is None
    sleeper.end(patience=0.1)


def test_another_process_with_the_pid_is_neither_found_nor_signalled(sleeper: DetachedProcess) -> None:
    """The same pid with another start time is a stranger, and no signal reaches it."""
    stranger = DetachedProcess(sleeper.pid, sleeper.started - 60)
    assert not stranger.is_running()
    stranger.kill()
    assert sleeper.is_running()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1}', "null"])
def test_a_damaged_record_is_no_process(tmp_path: Path, text: str) -> None:
    """A record that a crash or an editor damaged is read as: nothing runs."""
    (tmp_path / "record").write_text(text)
    assert DetachedProcess.recorded(tmp_path / "record") is None


def test_an_unrecorded_process_is_found_by_its_command_line(sleeper: DetachedProcess) -> None:
    """A crash between start and record hides no process."""
    assert DetachedProcess.running_with(SLEEPER[2]) == sleeper
    assert DetachedProcess.running_with("no such argument anywhere") is None


def test_a_stubborn_process_is_killed_after_the_patience(tmp_path: Path) -> None:
    """A process that ignores SIGTERM, or is frozen, has ended when `end` returns."""
    process = DetachedProcess.spawn(STUBBORN, log=tmp_path / "log", folder=tmp_path, environ=os.environ)
    while not (tmp_path / "log").read_text():
        assert process.is_running()
    process.signal(signal.SIGSTOP)
    process.end(patience=0.1)
    assert not process.is_running()
    assert not psutil.pid_exists(process.pid)
