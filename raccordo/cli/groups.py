"""Groups of commands: loaded when they are asked for, and every error ended in one way."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.core import TyperGroup
from typer.exceptions import Abort, TyperException

from raccordo.cli.exits import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typer._click import Command, Context, HelpFormatter

DEBUG: Final = "RACCORDO_DEBUG"


class Group(TyperGroup):
    """A group of commands that turns every error into its sentence and its exit code."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command; end the process with its exit code unless `standalone_mode` is off."""
        words = sys.argv[1:] if args is None else list(args)
        code = self._ended(words, prog_name, complete_var, windows_expand_args, extra)
        if standalone_mode:
            sys.exit(code)
        return code

    def _ended(
        self,
        words: list[str],
        prog_name: str | None,
        complete_var: str | None,
        windows_expand_args: bool,
        extra: dict[str, Any],
    ) -> int:
        as_json = "--json" in words
        debug = "--debug" in words or os.environ.get(DEBUG, "") not in ("", "0")
        try:
            ended = super().main(
                words,
                prog_name,
                complete_var,
                standalone_mode=False,
                windows_expand_args=windows_expand_args,
                **extra,
            )
        except TyperException as error:
            _complain(error, as_json=as_json)
            return error.exit_code
        except Abort:
            typer.echo("Nothing was done.", err=True)
            return ExitCode.INTERRUPTED
        except Exception as error:  # noqa: BLE001 - whatever it is, a person gets a sentence
            from raccordo.cli.output import report  # noqa: PLC0415 - only a failed command needs it

            return report(error, as_json=as_json, debug=debug)
        return ended if isinstance(ended, int) else ExitCode.OK


def _complain(error: TyperException, *, as_json: bool) -> None:
    """Show wrong usage as Click words it, with the usage line in front."""
    show = getattr(error, "show", None)
    if show is not None and not as_json:
        show()
        return
    from raccordo.cli.output import complain  # noqa: PLC0415 - only a failed command needs it

    complain("UsageError", [error.format_message()], ExitCode(error.exit_code), as_json=as_json)


@dataclass(frozen=True, slots=True)
class Door:
    """One command or group of the root: its name, the section of the help it stands in, and its line there.

    It lives in ``raccordo.cli.<name>`` as ``app`` (a group or a single command).
    """

    name: str
    section: str
    line: str

    def open(self) -> Command:
        """Import the module and make its command."""
        module = import_module(f"raccordo.cli.{self.name}")
        return typer.main.get_command(module.app)


def root(doors: Sequence[Door]) -> type[Group]:
    """Make the class of the root group: it knows its commands by name and imports only what is asked for."""

    class Root(Group):
        """All doors; the help is printed without importing any of them."""

        def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002 - Click's signature
            return [door.name for door in doors]

        def get_command(self, ctx: Context, cmd_name: str) -> Command | None:  # noqa: ARG002 - Click's signature
            if cmd_name not in self.commands:
                found = next((door for door in doors if door.name == cmd_name), None)
                if found is None:
                    return None
                self.commands[cmd_name] = found.open()
            return self.commands[cmd_name]

        def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:  # noqa: ARG002 - Click's signature
            for section in dict.fromkeys(door.section for door in doors):
                with formatter.section(section):
                    formatter.write_dl([(door.name, door.line) for door in doors if door.section == section])

        def resolve_command(
            self, ctx: Context, args: list[str]
        ) -> tuple[str | None, Command | None, list[str]]:
            if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
                close = get_close_matches(args[0], self.list_commands(ctx))
                ctx.fail(f"No such command {args[0]!r}.{f' Did you mean {close[0]!r}?' if close else ''}")
            return super().resolve_command(ctx, args)

    return Root


def group(text: str) -> typer.Typer:
    """Make a group of commands; `text` is its help, beginning with a sentence that fits one line."""
    return typer.Typer(
        cls=Group,
        no_args_is_help=True,
        callback=_stay_a_group,
        help=text,
        rich_markup_mode=None,
        add_completion=False,
        pretty_exceptions_enable=False,
    )


def _stay_a_group() -> None:
    """Keep Typer from making one command of a group that has only one."""


def single(function: Callable[..., Any], *examples: str) -> typer.Typer:
    """Make a command that stands alone at the root; its docstring is its help."""
    made = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    made.command(epilog=shown(*examples))(function)
    return made


def shown(*examples: str) -> str:
    """Write the examples that end a command's help, one a line."""
    return "\n".join(
        ["\b", "Examples:" if len(examples) > 1 else "Example:", *(f"  {line}" for line in examples)]
    )
