from __future__ import annotations

from typing import TYPE_CHECKING

from raccordo.cli.reference import PATH, commands, main, reference

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_committed_reference_is_what_the_commands_say(pytestconfig: pytest.Config) -> None:
    """After a change of a command: python -m raccordo.cli.reference."""
    assert (pytestconfig.rootpath / PATH).read_text(encoding="utf-8") == reference()


def test_the_reference_holds_every_command_with_its_help() -> None:
    """Options and examples stand there as the terminal shows them."""
    page = reference()
    for name, _ in commands():
        assert f" raccordo {name}\n" in page
        assert f"Usage: raccordo {name} " in page


def test_a_page_that_drifted_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` changes nothing; without it the page is written."""
    monkeypatch.chdir(tmp_path)
    assert main(["--check"]) == 1
    assert "python -m raccordo.cli.reference" in capsys.readouterr().err
    assert not PATH.exists()
    assert main([]) == 0
    assert main(["--check"]) == 0
