from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from shell import Shell


def test_flows_are_listed_with_all_that_their_signature_says(raccordo: Shell, application: Path) -> None:
    """A script reads what a flow joins and how it behaves."""
    (flow,) = raccordo.json("flows", "list", "--app-dir", str(application))
    assert flow == {
        "name": "order-to-erp",
        "topic": "orders",
        "contract": "raccordo.orders.v1",
        "lane": "order",
        "connectors": ["erp"],
        "emits": ["bookings"],
        "on_dead_letter": "block",
        "retry": {"first": 0.5, "cap": 60.0, "defects": 5},
        "deadline": 120.0,
        "purpose": "Every order is booked once.",
    }


def test_a_person_reads_the_same_as_a_table(raccordo: Shell, application: Path) -> None:
    """The first line of a flow's docstring says what it is for."""
    result = raccordo("flows", "list", "--app-dir", str(application))
    assert result.exit_code == 0
    assert "order-to-erp" in result.stdout
    assert "Every order is booked once." in result.stdout
    assert "More is said below" not in result.stdout


def test_a_flow_that_cannot_be_wired_is_a_configuration_error(raccordo: Shell, application: Path) -> None:
    """Every problem is told, each with what to write instead."""
    source = application / "flows" / "__init__.py"
    source.write_text(
        source.read_text().replace(', lane="order"', ', lane="colour"').replace("-> Booked", "")
    )
    error = raccordo.json("flows", "list", "--app-dir", str(application), code=2)["error"]
    assert error["class"] == "ConfigError"
    assert any("colour" in problem for problem in error["problems"])
    assert any("-> None" in problem for problem in error["problems"])


def test_a_folder_without_an_application_is_told_by_name(raccordo: Shell, tmp_path: Path) -> None:
    """Nobody has to guess which folder was searched."""
    result = raccordo("flows", "list", "--app-dir", str(tmp_path / "nowhere"))
    assert result.exit_code == 2
    assert "nowhere" in result.stderr
    assert "--app-dir" in result.stderr
    assert result.stdout == ""


@pytest.fixture
def _erp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACCORDO_ERP_URL", "http://erp.example")


def trying(application: Path, tmp_path: Path, *lines: str) -> tuple[str, ...]:
    """The words of `flows test` over a file of these lines."""
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    return ("flows", "test", "order-to-erp", "--events", str(file), "--app-dir", str(application))


@pytest.mark.usefixtures("_erp")
def test_a_flow_is_driven_by_a_file_of_events(raccordo: Shell, application: Path, tmp_path: Path) -> None:
    """The same line, the connectors of the environment, and what became of each event."""
    words = trying(
        application,
        tmp_path,
        '{"customer": "c", "order": "1"}',
        '{"id": "e-2", "data": {"customer": "c", "order": "2"}}',
    )
    stories = raccordo.json(*words, "--yes")
    assert [story["state"] for story in stories] == ["confirmed", "confirmed"]
    assert [story["calls"][0]["document"] for story in stories] == ["5001", "5002"]
    assert stories[1]["event_id"] == "e-2"
    assert stories[0]["said"][0]["topic"] == "bookings"
    result = raccordo(*words, "--yes")
    assert result.exit_code == 0
    assert "5002" in result.stdout


@pytest.mark.usefixtures("_erp")
def test_nothing_is_really_called_unasked(raccordo: Shell, application: Path, tmp_path: Path) -> None:
    """Without a terminal it has to be said with --yes; the systems are named."""
    result = raccordo(*trying(application, tmp_path, '{"customer": "c", "order": "1"}'))
    assert result.exit_code == 2
    assert "Really call erp for 1 events?" in result.stderr


@pytest.mark.usefixtures("_erp")
def test_bad_lines_are_told_and_nothing_runs(raccordo: Shell, application: Path, tmp_path: Path) -> None:
    """As with publish; an unknown flow and a missing file too."""
    words = trying(application, tmp_path, '{"customer": "c"}', "{]")
    problems = raccordo.json(*words, "--yes", code=2)["error"]["problems"]
    assert problems[0].startswith("line 1: $.order")
    assert problems[1].startswith("line 2")
    assert raccordo(*words[:2], "another", *words[3:], "--yes").exit_code == 2
    assert raccordo(*words[:4], str(tmp_path / "none.jsonl"), *words[5:], "--yes").exit_code == 2


def test_a_flow_that_fails_ends_with_1_and_its_reason(
    raccordo: Shell, application: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a system that is away with 3."""
    source = application / "connectors" / "erp.py"
    source.write_text(
        source.read_text()
        .replace(
            "        return DocumentRef(",
            '        raise Rejected("no such customer")\n        return DocumentRef(',
        )
        .replace("import Unavailable", "import Rejected, Unavailable")
    )
    monkeypatch.setenv("RACCORDO_ERP_URL", "http://erp.example")
    words = trying(application, tmp_path, '{"customer": "c", "order": "1"}')
    (story,) = raccordo.json(*words, "--yes", code=1)
    assert story["state"] == "dead"
    assert "no such customer" in story["reason"]
    monkeypatch.setenv("RACCORDO_ERP_URL", "http://away")
    assert raccordo(*words, "--yes").exit_code == 3
