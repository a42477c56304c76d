"""Calls commands in the process of the test, as a person or a script would call them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner

from raccordo.cli import app

if TYPE_CHECKING:
    from typer.testing import Result


@dataclass
class Shell:
    """Calls commands in this process."""

    runner: CliRunner = field(default_factory=CliRunner)

    def __call__(self, *words: str, stdin: str | bytes | None = None) -> Result:
        """Call a command as `raccordo <words>` would."""
        return self.runner.invoke(app, list(words), input=stdin)

    def json(self, *words: str, stdin: str | bytes | None = None, code: int = 0) -> Any:
        """Call a command with --json, require its exit code, and return what it printed as the only JSON value."""
        result = self(*words, "--json", stdin=stdin)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)
