from __future__ import annotations

from typing import TYPE_CHECKING

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
