"""What holds for every command: it teaches, it starts quickly, it ends with a documented code and no traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

from raccordo.cli import DOORS, app
from raccordo.cli import output as output_module
from raccordo.cli.exits import MEANINGS, ExitCode, exit_code
from raccordo.cli.reference import commands
from raccordo.errors import (
    BrokerError,
    ConfigError,
    ContractError,
    LedgerError,
    Rejected,
    TooLarge,
    Unavailable,
    Unsafe,
)

if TYPE_CHECKING:
    from shell import Shell

ALL = dict(commands())
LEAVES = {name: command for name, command in ALL.items() if not hasattr(command, "commands")}


def test_the_help_lists_every_door_and_every_exit_code(raccordo: Shell) -> None:
    """One page says what there is and how a script reads the end of a command."""
    result = raccordo("--help")
    assert result.exit_code == 0
    for door in DOORS:
        assert f"  {door.name}  " in result.stdout
    for code, meaning in MEANINGS.items():
        assert f"{code.value:<4}{meaning}" in result.stdout
    assert set(MEANINGS) == set(ExitCode)


def test_the_help_imports_no_command() -> None:
    """`raccordo --help` and `raccordo run` do not wait for pydantic, SQL, Kafka or Rich."""
    program = (
        "import sys; from raccordo.cli import app; code = app(['--help'], standalone_mode=False);"
        "heavy = {'pydantic', 'sqlalchemy', 'aiokafka', 'rich', 'httpx', 'alembic', 'structlog'} & set(sys.modules);"
        "loaded = [name for name in sys.modules if name.startswith('raccordo.')];"
        "sys.exit(f'{heavy} {loaded}' if heavy or 'raccordo.cli.run' in loaded else code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_the_line_in_the_help_is_what_the_command_says_of_itself(door: object) -> None:
    """The root knows each command's first sentence without importing it; the two cannot drift apart."""
    command = typer.main.get_command(import_module(f"raccordo.cli.{door.name}").app)  # type: ignore[attr-defined]
    assert (command.help or "").partition("\n")[0] == door.line  # type: ignore[attr-defined]


def test_every_module_of_commands_is_a_door() -> None:
    """A group that nobody can reach is not left behind."""
    folder = Path(output_module.__file__).parent
    offering = {file.stem for file in folder.glob("*.py") if "\napp = " in file.read_text()} - {"__init__"}
    assert offering == {door.name for door in DOORS}


@pytest.mark.parametrize("name", LEAVES)
def test_every_command_teaches(name: str) -> None:
    """It says in a sentence what it does, shows an example of itself, and explains every option."""
    command = LEAVES[name]
    assert command.help
    assert f"  raccordo {name}" in (command.epilog or "")
    for parameter in command.params:
        assert getattr(parameter, "help", None), parameter.name


@pytest.mark.parametrize("name", LEAVES)
def test_every_command_has_json(name: str) -> None:
    """A script reads every answer; `run` answers nothing, its log is JSON already."""
    names = {option for parameter in LEAVES[name].params for option in parameter.opts}
    assert ("--json" in names) == (name != "run")


def test_no_option_has_two_meanings() -> None:
    """The same option has the same help wherever it stands, unless its command narrows it."""
    texts: dict[str, set[str]] = {}
    for command in LEAVES.values():
        for parameter in command.params:
            for option in {"--json", "--app-dir", "--yes", "--actor", "--reason"} & set(parameter.opts):
                texts.setdefault(option, set()).add(str(getattr(parameter, "help", "")))
    assert all(len(different) == 1 for different in texts.values()), texts


def test_an_unknown_command_is_answered_with_the_nearest_one(raccordo: Shell) -> None:
    """Wrong usage is exit code 2, for machines too."""
    result = raccordo("flws")
    assert result.exit_code == 2
    assert "Did you mean 'flows'?" in result.stderr
    error = raccordo.json("flws", code=2)["error"]
    assert error["class"] == "UsageError"
    assert error["exit_code"] == 2


def test_the_version_is_printed(raccordo: Shell) -> None:
    """It is the only thing on standard output."""
    assert raccordo("--version").stdout.strip().count(".") == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 2),
        (BrokerError("x"), 3),
        (LedgerError("x"), 3),
        (Unavailable("x"), 3),
        (Unsafe("x"), 4),
        (TooLarge("x"), 1),
        (Rejected("x"), 1),
        (ContractError("x"), 1),
    ],
    ids=lambda value: getattr(type(value), "__name__", value),
)
def test_each_error_has_its_exit_code(error: object, code: int) -> None:
    """A script can tell a wrong setting from an outage."""
    assert exit_code(error) == code  # type: ignore[arg-type]


def _failing(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(import_module("raccordo.cli.flows"), "load", fail)


def test_every_problem_of_a_configuration_is_told(raccordo: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """One as a sentence, several as a list; as JSON always as a list."""
    _failing(ConfigError(["first", "second"]), monkeypatch)
    result = raccordo("flows", "list")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == ["error: 2 problems", "  - first", "  - second"]
    assert raccordo.json("flows", "list", code=2)["error"]["problems"] == ["first", "second"]


def test_our_own_bug_is_told_without_payload_and_without_traceback(
    raccordo: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exception's text may quote an order, so only its class and place are shown; --debug shows all."""
    _failing(KeyError("Mario Rossi"), monkeypatch)
    result = raccordo("flows", "list")
    assert result.exit_code == 1
    assert "KeyError at test_root.py:" in result.stderr
    assert "--debug" in result.stderr
    assert "Mario Rossi" not in result.output
    assert "Traceback" not in result.output
    assert "Traceback" in raccordo("--debug", "flows", "list").stderr


def test_an_interrupt_is_130(raccordo: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a shell expects it."""
    _failing(KeyboardInterrupt(), monkeypatch)  # type: ignore[arg-type]
    result = raccordo("flows", "list")
    assert result.exit_code == 130
    assert "Traceback" not in result.output


def test_a_terminal_obeys_nothing_that_came_from_outside(capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences and markup in an id are shown as they are written."""
    rows = [("\x1b[2J[red]x[/red]\r", None)]
    output_module.show({}, lambda: output_module.table(("id", "none"), rows), as_json=False)
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert r"\x1b[2J[red]x[/red]\r" in shown


def test_the_script_and_the_module_are_one_command() -> None:
    """`python -m raccordo` is for an interpreter whose scripts are not on the path."""
    done = subprocess.run(
        [sys.executable, "-m", "raccordo", "flows", "list", "--app-dir", "/nowhere", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["class"] == "ConfigError"
    assert done.stderr == ""


def test_the_root_is_one_typer_app() -> None:
    """Completion and documentation tools find all commands."""
    root = typer.main.get_command(app)
    assert root.list_commands(None) == [door.name for door in DOORS]  # type: ignore[attr-defined]
