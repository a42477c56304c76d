from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from raccordo.cli.run import app

if TYPE_CHECKING:
    import pytest


def test_the_slot_comes_from_the_option_or_else_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """RACCORDO_SLOT is listed among the settings, so it has to count."""
    command = typer.main.get_command(app)
    monkeypatch.setenv("RACCORDO_SLOT", "3")
    assert command.make_context("run", []).params["slot"] == 3
    assert command.make_context("run", ["--slot", "2"]).params["slot"] == 2
