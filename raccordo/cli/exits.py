"""How a command ends, as a number that a script can act on."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from raccordo.errors import (
    BrokerError,
    ConfigError,
    LedgerError,
    RaccordoError,
    TooLarge,
    Unavailable,
    Unsafe,
)


class ExitCode(IntEnum):
    """The exit codes of every command."""

    OK = 0
    WRONG = 1
    USAGE = 2
    UNREACHABLE = 3
    REFUSED = 4
    INTERRUPTED = 130


MEANINGS: Final = {
    ExitCode.OK: "done, nothing wrong",
    ExitCode.WRONG: "something is wrong or was not found; the text says what",
    ExitCode.USAGE: "wrong usage, setting or file; nothing was done",
    ExitCode.UNREACHABLE: "Kafka, the ledger or a system cannot be reached",
    ExitCode.REFUSED: "refused by a safety rule",
    ExitCode.INTERRUPTED: "interrupted",
}
"""What each code means, as the help says it."""


def exit_code(error: RaccordoError) -> ExitCode:
    """Say how a command ends that met this error."""
    match error:
        case ConfigError():
            return ExitCode.USAGE
        case Unsafe():
            return ExitCode.REFUSED
        case TooLarge():
            return ExitCode.WRONG
        case BrokerError() | LedgerError() | Unavailable():
            return ExitCode.UNREACHABLE
        case _:
            return ExitCode.WRONG


def explained() -> str:
    """All exit codes, one a line, for the help."""
    return "\n".join(
        ["\b", "Exit codes:", *(f"  {code.value:<4}{meaning}" for code, meaning in MEANINGS.items())]
    )
