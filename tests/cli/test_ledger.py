from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from shell import Shell


def test_the_first_upgrade_makes_the_tables_and_the_second_finds_them(raccordo: Shell) -> None:
    """It may be repeated."""
    first = raccordo.json("ledger", "upgrade")
    assert first["from"] is None
    assert raccordo.json("ledger", "upgrade") == {**first, "from": first["to"]}


def test_a_ledger_of_a_newer_release_is_refused_in_a_sentence(raccordo: Shell, tmp_path: Path) -> None:
    """Exit code 2, nothing changed, and what to do."""
    raccordo.json("ledger", "upgrade")
    with sqlite3.connect(tmp_path / ".raccordo" / "ledger.db") as connection:
        connection.execute("UPDATE raccordo_ledger_version SET version_num = '9999'")
    connection.close()
    result = raccordo("ledger", "upgrade")
    assert result.exit_code == 2
    assert "newer" in result.stderr
    assert "Traceback" not in result.output


def test_a_database_that_is_away_ends_with_3(raccordo: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the database without its password."""
    monkeypatch.setenv("RACCORDO_LEDGER", "postgresql://raccordo:hunter2@127.0.0.1:1/raccordo")
    result = raccordo("ledger", "upgrade")
    assert result.exit_code == 3
    assert "127.0.0.1:1" in result.stderr
    assert "hunter2" not in result.output


@pytest.mark.postgres
def test_a_postgresql_ledger_is_made(
    raccordo: Shell, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    """In production nothing else makes the tables."""
    monkeypatch.setenv("RACCORDO_LEDGER", postgres_url)
    assert raccordo.json("ledger", "upgrade")["from"] is None
