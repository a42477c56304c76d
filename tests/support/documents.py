"""The documents of the project, cut into what can be tried: blocks, links, and what stands in backquotes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\w*)$")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_QUOTED = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """One fenced block: where it begins, its language, its text."""

    path: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        """Write ``README.md:12``."""
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def by_hand() -> list[Path]:
    """All documents that people write; those of docs/reference are written from the code and tested there."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(path for path in found if "reference" not in path.parts)


def everything() -> list[Path]:
    """All documents."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(*languages: str) -> list[Block]:
    """The blocks of these languages in documents that people write; of all languages where none is named."""
    return [
        block for path in by_hand() for block in _blocks(path) if not languages or block.language in languages
    ]


def _blocks(path: Path) -> Iterator[Block]:
    inside: list[str] | None = None
    language, began = "", 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if inside is None and fence:
            inside, language, began = [], fence[1], number
        elif inside is not None and line == "```":
            yield Block(path, began, language, "\n".join(inside) + "\n")
            inside = None
        elif inside is not None:
            inside.append(line)
    assert inside is None, f"{path}: the block that begins in line {began} does not end"


def prose(path: Path) -> str:
    """The text of a document without its blocks."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def links(path: Path) -> list[str]:
    """The targets of a document's links."""
    return _LINK.findall(prose(path))


def quoted(path: Path) -> list[str]:
    """What stands in backquotes in a document's prose."""
    return _QUOTED.findall(prose(path))


def anchors(path: Path) -> set[str]:
    """The anchors that viewers give the headings of a document."""
    found = _HEADING.findall(path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in found}
