"""What the documents name is there: files, anchors, commands, options, make targets, variables, words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import typer

from connectors.sap import SapConfig
from documents import ROOT, anchors, blocks, by_hand, everything, links, prose, quoted
from raccordo.broker.settings import KafkaSettings
from raccordo.cli import app
from raccordo.cli.exits import MEANINGS
from raccordo.envelope import _LIMITS
from raccordo.ledger import State
from raccordo.reference.variables import OTHERS, variables
from raccordo.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
VARIABLES = {one.name for kind in (Settings, KafkaSettings, SapConfig) for one in variables(kind)} | set(
    re.findall(r"`([A-Z_]+)`", OTHERS)
)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", everything(), ids=name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for link in links(path):
        target, _, anchor = link.partition("#")
        if target.startswith("https://"):
            continue
        found = (path.parent / target).resolve() if target else path
        assert found.exists(), link
        assert not anchor or anchor in anchors(found), link


def command_of(line: str) -> Any:
    """Resolve `raccordo a b ...` to its command, and check that it has every option that is named."""
    words = line.split()[1:]
    command: Any = typer.main.get_command(app)
    context = typer.Context(command, info_name="raccordo")
    while words and hasattr(command, "get_command") and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        assert found is not None, f"there is no command `{line}`"
        command, words = found, words[1:]
    options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    for word in words:
        if word.startswith("--"):
            assert word.partition("=")[0] in options, f"`{line}`: there is no option {word}"
    return command


@pytest.mark.parametrize("path", by_hand(), ids=name)
def test_every_command_target_and_variable_that_is_named_is_there(path: Path) -> None:
    shown = [line.removeprefix("$ ") for block in blocks("console", "text") if block.path == path
             for line in block.text.splitlines()]  # fmt: skip
    for text in [*quoted(path), *shown]:
        if text.startswith("raccordo "):
            command_of(text)
        if text.startswith("make "):
            assert text.split()[1] in TARGETS, f"there is no `{text}`"
    whole = path.read_text(encoding="utf-8")
    for variable in re.findall(r"\bRACCORDO_[A-Z_]*[A-Z]\b(?!_?\.\.\.)", whole):
        assert variable in VARIABLES, f"there is no variable {variable}"


@pytest.mark.parametrize("path", by_hand(), ids=name)
def test_every_file_that_is_named_is_there(path: Path) -> None:
    """A path in backquotes that begins with a folder of ours."""
    rooms = tuple(
        f"{each.name}/" for each in ROOT.iterdir() if each.is_dir() and not each.name.startswith(".")
    )
    for text in quoted(path):
        if text.startswith(rooms) and " " not in text:
            assert (ROOT / text).exists(), text
        if re.fullmatch(r"broker/[\w/]+\.py", text):
            assert (ROOT / "raccordo" / text).exists(), text


def test_the_headers_of_the_readme_are_those_of_the_envelope() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = readme.split("| header | value |")[1].split("\n\n")[0]
    assert set(re.findall(r"`(ce_\w+|traceparent|content-type)`", rows)) == set(_LIMITS)


def test_the_readme_is_short_and_names_every_end_of_an_event() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 160
    for state in State:
        if state.terminal:
            assert state.name in readme


def test_the_exit_codes_of_the_operations_page_are_those_of_the_commands() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    codes = re.findall(r"^\| (\d+) \|", page.split("## Exit codes")[1].split("\n## ")[0], re.MULTILINE)
    assert codes == [str(code.value) for code in MEANINGS]


def test_the_glossary_has_at_most_twenty_words() -> None:
    page = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    words = re.findall(r"^\| ([a-z][a-z ]+) \|", page, re.MULTILINE)[1:]
    assert 10 < len(set(words)) == len(words) <= 20


def test_every_decision_has_its_number_date_context_decision_and_consequences() -> None:
    records = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [record.name[:4] for record in records] == [
        f"{number:04}" for number in range(1, len(records) + 1)
    ]
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert text.startswith(f"# {record.name[:4]}: "), record.name
        assert re.search(r"^\d{4}-\d\d-\d\d, (accepted|replaced by \d{4})$", text, re.MULTILINE), record.name
        assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_the_clauses_of_contributing_are_numbered_without_gaps() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    expected, chapter, clause = [], 0, 0
    for found in re.findall(r"^(?:## (\d+)\.|(\d+\.\d+)\.) ", text, re.MULTILINE):
        chapter, clause = (chapter + 1, 0) if found[0] else (chapter, clause + 1)
        expected.append((found[0] or found[1], str(chapter) if found[0] else f"{chapter}.{clause}"))
    assert len(expected) > 20
    assert all(found == wanted for found, wanted in expected)


@pytest.mark.parametrize("path", by_hand(), ids=name)
def test_prose_fits_its_lines(path: Path) -> None:
    long = [line for line in prose(path).splitlines() if len(line) > 120 and not line.startswith("|")]
    assert long == []
