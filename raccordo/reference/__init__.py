"""The pages of docs/reference and deploy/env.example: written from the code, committed, and checked for drift.

A page that somebody writes by hand tells what was true on that day. These are made of the settings, contracts and
connectors themselves, so that a changed field without a changed page fails ``make check``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from raccordo.app import load
from raccordo.reference.connectors import connectors_page
from raccordo.reference.contracts import contracts_page
from raccordo.reference.variables import env_example, settings_page

if TYPE_CHECKING:
    from pathlib import Path

COMMAND: Final = "python -m raccordo.reference"


def pages(directory: Path) -> dict[str, str]:
    """Write every page of the application in a folder, by its path below that folder. Raises ConfigError."""
    app = load(directory)
    kinds = [kind.config_type for kind in app.connectors]
    return {
        "docs/reference/settings.md": settings_page(kinds),
        "docs/reference/contracts.md": contracts_page(app.contracts),
        "docs/reference/connectors.md": connectors_page(app.connectors),
        "deploy/env.example": env_example(kinds),
    }


def stale(directory: Path) -> list[str]:
    """Name the committed pages that are not what the code says now."""
    return [
        name
        for name, text in pages(directory).items()
        if not (directory / name).is_file() or (directory / name).read_text(encoding="utf-8") != text
    ]


def write(directory: Path) -> list[str]:
    """Write the pages that are missing or out of date, and name them."""
    made = pages(directory)
    changed = stale(directory)
    for name in changed:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[name], encoding="utf-8")
    return changed
