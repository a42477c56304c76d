"""Tables and texts of Markdown, with everything escaped that would break a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; cells are Markdown, and may hold ``|`` and line breaks."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)


def cell(text: str) -> str:
    """Make a text fit into one cell."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """Write a text as code, or nothing for an empty one."""
    return f"`{text}`" if text else ""


def plain(text: str) -> str:
    """Write a docstring's ``code`` as Markdown does, on one line."""
    return " ".join(text.replace("``", "`").split())


def anchor(heading: str) -> str:
    """Name the anchor that viewers give a heading of letters, digits and spaces."""
    return heading.lower().replace(" ", "-")


def page(*parts: str) -> str:
    """Join the parts of a page, one empty line between them."""
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"
