"""What the command line prints: tables for people, JSON for machines, and every error in the same shape.

Standard output holds the answer and nothing else; notes and progress go to standard error.
"""

from __future__ import annotations

import json
import sys
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.exceptions import Abort

from raccordo.cli.exits import ExitCode, exit_code
from raccordo.errors import ConfigError, RaccordoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rich.console import Console, RenderableType
    from rich.progress import Progress
    from rich.table import Table

NO_TERMINAL_WIDTH: Final = 200
"""Columns of a table that is read by a file or a pipe: wide enough to cut nothing that matters."""


def show(answer: Any, draw: Callable[[], RenderableType], *, as_json: bool) -> None:
    """Print the answer of a command: `answer` (JSON values only) as JSON, or what `draw` makes of it."""
    if as_json:
        sys.stdout.write(json.dumps(answer, indent=2, ensure_ascii=False) + "\n")
    else:
        console().print(draw())


def note(sentence: str) -> None:
    """Tell a person something beside the answer."""
    console(stderr=True).print(plain(sentence))


def console(*, stderr: bool = False) -> Console:
    """Make a console that prints texts from outside as they are: no markup, no highlighting."""
    from rich.console import Console  # noqa: PLC0415 - the help of a command needs no console

    stream = sys.stderr if stderr else sys.stdout
    return Console(
        file=stream,
        width=None if stream.isatty() else NO_TERMINAL_WIDTH,
        markup=False,
        highlight=False,
        emoji=False,
    )


def progress(*, as_json: bool) -> Progress:
    """Make a progress bar on standard error; it is not drawn for machines and pipes."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console(stderr=True),
        disable=as_json or not sys.stderr.isatty(),
    )


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str = "") -> Table:
    """Make a table without lines; None is an empty cell, and long cells wrap."""
    from rich.table import Table  # noqa: PLC0415 - the help of a command needs no table

    made = Table(box=None, pad_edge=False, title=title or None, title_justify="left", title_style="bold")
    for heading in headings:
        made.add_column(heading, overflow="fold", header_style="bold")
    for row in rows:
        made.add_row(*("" if cell is None else plain(str(cell)) for cell in row))
    return made


def facts(pairs: Mapping[str, Any]) -> Table:
    """Make a list of names and values, one a line; what is None or empty is left out."""
    from rich.table import Table  # noqa: PLC0415 - as above

    made = Table(box=None, pad_edge=False, show_header=False)
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs.items():
        if value not in (None, ""):
            made.add_row(name, plain(str(value)))
    return made


def plain(text: str) -> str:
    """Write what a terminal would obey (escape sequences, control characters) as an escape that it shows."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character == "\n" else ascii(character)[1:-1]
        for character in text
    )


def bytes_text(raw: bytes | None) -> str | None:
    """Bytes for people: as text where they are UTF-8, else as hex."""
    if raw is None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return f"hex {raw.hex(' ')}"


def clock_time(milliseconds: int | None) -> str:
    """A time of the ledger for people: UTC to the millisecond."""
    if milliseconds is None:
        return ""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3]


def agreed(question: str, *, yes: bool) -> None:
    """Ask before something is changed; return only when the answer is yes.

    Where nobody can be asked (no terminal), it has to be said with --yes. Raises ConfigError, Abort.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError(
            f"{question} There is no terminal to answer on: say it with --yes. Nothing was done."
        )
    if not typer.confirm(plain(question), err=True):
        raise Abort


def report(error: BaseException, *, as_json: bool, debug: bool) -> ExitCode:
    """Print an error as sentences (for machines: as JSON on standard output) and say how the command ends."""
    if debug:
        sys.stderr.write("".join(traceback.format_exception(error)))
    match error:
        case ConfigError():
            kind, problems, code = error.code, list(error.problems), exit_code(error)
        case RaccordoError():
            kind, problems, code = error.code, [str(error)], exit_code(error)
        case _:
            kind, problems, code = "Defect", [_defect(error)], ExitCode.WRONG
    complain(kind, problems, code, as_json=as_json)
    return code


def as_error(kind: str, problems: Sequence[str], code: ExitCode) -> dict[str, Any]:
    """An error as a machine reads it: alone on standard output, or beside what was done before it."""
    return {"error": {"class": kind, "problems": list(problems), "exit_code": int(code)}}


def complain(kind: str, problems: Sequence[str], code: ExitCode, *, as_json: bool) -> None:
    """Print problems: one as a sentence, several as a list."""
    if as_json:
        sys.stdout.write(json.dumps(as_error(kind, problems, code), indent=2, ensure_ascii=False) + "\n")
        return
    if len(problems) == 1:
        lines = f"error: {problems[0]}"
    else:
        lines = "\n  - ".join([f"error: {len(problems)} problems", *problems])
    console(stderr=True).print(plain(lines), style="red", soft_wrap=True)


def _defect(error: BaseException) -> str:
    """Say where our own code failed, without the exception's text, which may quote the data."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    return (
        f"raccordo itself failed ({type(error).__name__}{place}). This is a bug: please report it, with the output of "
        "the same command with `raccordo --debug` in front"
    )
