"""`raccordo dev` as a person or a script sees it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from raccordo.cli.dev import app

if TYPE_CHECKING:
    from pathlib import Path

runner = CliRunner()


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACCORDO_HOME", str(tmp_path))
    monkeypatch.delenv("RACCORDO_KAFKA", raising=False)


def test_status_as_json_lists_every_service(tmp_path: Path) -> None:
    """A script reads name, state, address, pid, folder and since; standard output holds nothing else."""
    result = runner.invoke(app, ["status", "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)[0] == {
        "name": "kafka",
        "state": "stopped",
        "address": "",
        "pid": None,
        "folder": str(tmp_path / "kafka"),
        "since": None,
    }


def test_status_of_a_named_service_that_is_down_is_3() -> None:
    """A script can ask by exit code alone."""
    assert runner.invoke(app, ["status", "kafka"]).exit_code == 3


def test_an_unknown_service_is_wrong_usage() -> None:
    """The error names the services there are."""
    result = runner.invoke(app, ["up", "oracle"])
    assert result.exit_code == 2
    assert "postgres" in result.stderr


def test_a_broker_that_the_environment_names_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """With RACCORDO_KAFKA nothing is started, and both outputs say which broker is used."""
    monkeypatch.setenv("RACCORDO_KAFKA", "kafka.example:9092")
    result = runner.invoke(app, ["up", "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)[0]["address"] == "kafka.example:9092"
    assert "none is started" in " ".join(result.stderr.split())


def test_docker_is_refused_for_a_broker_that_should_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that ends with its command is no `dev up`; the sentence says what to do."""
    monkeypatch.setenv("RACCORDO_KAFKA", "docker")
    result = runner.invoke(app, ["up"])
    assert result.exit_code == 1
    assert "Unset RACCORDO_KAFKA" in " ".join(result.stderr.split())


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the development packages the command says what to install."""
    monkeypatch.delitem(sys.modules, "raccordo.dev.services", raising=False)
    monkeypatch.delitem(sys.modules, "raccordo.dev.process", raising=False)
    monkeypatch.setitem(sys.modules, "psutil", None)
    for name in ("kafka", "postgres", "tenancy"):
        monkeypatch.delitem(sys.modules, f"raccordo.dev.{name}", raising=False)
    result = runner.invoke(app, ["status"])
    assert result.exit_code == 2
    assert "The package psutil is missing. Run `pip install 'raccordo[dev]'`." in " ".join(
        result.stderr.split()
    )
