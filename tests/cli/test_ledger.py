from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

import pytest

from desk import Placed, desk, to_desk, to_desk_skipping
from raccordo.errors import Rejected
from raccordo.testing import line

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
    assert "127.0.0.1" in result.stderr
    assert "hunter2" not in result.output


@pytest.mark.postgres
def test_a_postgresql_ledger_is_made(
    raccordo: Shell, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    """In production nothing else makes the tables."""
    monkeypatch.setenv("RACCORDO_LEDGER", postgres_url)
    assert raccordo.json("ledger", "upgrade")["from"] is None


def test_status_counts_what_waits(raccordo: Shell, ledger: str) -> None:
    """By flow, and by why or by state."""

    async def play() -> None:
        system = desk()
        system.wire.faults = lambda number, _attempt: Rejected("unknown") if number == "bad" else None
        async with line(to_desk_skipping, system, ledger=ledger) as running:
            await running.publish(Placed(customer="c", number="bad"), Placed(customer="c", number="good"))

    asyncio.run(play())
    answer = raccordo.json("ledger", "status")
    assert answer["dead"] == {"to-desk-skipping": {"dead": 1}}
    assert answer["parked"] == {}
    assert answer["unpublished"] == 0
    result = raccordo("ledger", "status")
    assert "1 dead" in result.stdout
    assert "parked lanes" in result.stdout


def test_prune_forgets_what_the_ttl_rule_lets_go(
    raccordo: Shell, application: Path, ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Younger events stay; a TTL that is too short is refused with 4, and nothing is forgotten."""

    async def play() -> None:
        async with line(to_desk, desk(), ledger=ledger) as running:
            await running.publish(Placed(customer="c", number="1"), Placed(customer="c", number="2"))

    asyncio.run(play())
    with sqlite3.connect(ledger.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE inbox SET changed_at = 0 WHERE offset = (SELECT min(offset) FROM inbox)")
    connection.close()
    words = ("ledger", "prune", "--app-dir", str(application))
    monkeypatch.setenv("RACCORDO_LEDGER_TTL", "86400")
    result = raccordo(*words)
    assert result.exit_code == 4
    assert "RACCORDO_LEDGER_TTL" in result.stderr
    monkeypatch.delenv("RACCORDO_LEDGER_TTL")
    assert raccordo.json(*words)["forgotten"] == 1
    assert raccordo.json(*words)["forgotten"] == 0
