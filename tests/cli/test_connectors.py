from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from shell import Shell


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACCORDO_ERP_URL", "http://erp.example")
    monkeypatch.setenv("RACCORDO_ERP_PASSWORD", "hunter2")


def listed(raccordo: Shell, application: Path) -> dict[str, dict[str, Any]]:
    (erp,) = raccordo.json("connectors", "list", "--app-dir", str(application))
    return {setting["variable"]: setting for setting in erp["settings"]}


def test_settings_are_listed_by_the_variables_that_set_them(raccordo: Shell, application: Path) -> None:
    """Each says whether it is required, its default, whether it is set, and what it means."""
    settings = listed(raccordo, application)
    assert settings["RACCORDO_ERP_URL"] == {
        "variable": "RACCORDO_ERP_URL",
        "required": True,
        "default": None,
        "secret": False,
        "set": True,
        "description": "Where the ERP listens.",
    }
    assert settings["RACCORDO_ERP_TIMEOUT"]["default"] == 30.0
    assert not settings["RACCORDO_ERP_TIMEOUT"]["set"]
    assert settings["RACCORDO_ERP_UNITS"]["default"] == {"C62": "PC"}
    assert '{"C62": "PC"}' in raccordo("connectors", "list", "--app-dir", str(application)).stdout


def test_no_secret_is_shown(raccordo: Shell, application: Path) -> None:
    """Neither the one of the environment nor a default."""
    assert listed(raccordo, application)["RACCORDO_ERP_PASSWORD"]["secret"]
    for words in (["--json"], []):
        output = raccordo("connectors", "list", "--app-dir", str(application), *words).output
        assert "hunter2" not in output
        assert "default-secret" not in output
        assert "RACCORDO_ERP_PASSWORD" in output


def test_a_connector_in_order_ends_with_0(raccordo: Shell, application: Path) -> None:
    """What was looked at is listed."""
    (erp,) = raccordo.json("connectors", "check", "erp", "--app-dir", str(application))
    assert erp["ok"]
    assert [finding["subject"] for finding in erp["findings"]] == ["sign-in", "order set"]


def test_a_bad_finding_ends_with_1_and_names_the_remedy(
    raccordo: Shell, application: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person reads what to do, a script the exit code."""
    monkeypatch.setenv("RACCORDO_ERP_URL", "http://broken")
    result = raccordo("connectors", "check", "Erp", "--app-dir", str(application))
    assert result.exit_code == 1
    assert "activate the service" in result.stdout


def test_a_missing_setting_ends_with_2_and_names_the_variable(
    raccordo: Shell, application: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was connected."""
    monkeypatch.delenv("RACCORDO_ERP_URL")
    (erp,) = raccordo.json("connectors", "check", "--app-dir", str(application), code=2)
    assert "RACCORDO_ERP_URL" in erp["findings"][0]["detail"]


def test_a_system_that_is_away_ends_with_3(
    raccordo: Shell, application: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not being there differs from not being well."""
    monkeypatch.setenv("RACCORDO_ERP_URL", "http://away")
    (erp,) = raccordo.json("connectors", "check", "--app-dir", str(application), code=3)
    assert "connection refused" in erp["findings"][0]["detail"]


def test_an_unknown_connector_is_wrong_usage(raccordo: Shell, application: Path) -> None:
    """The error names those there are."""
    result = raccordo("connectors", "check", "oracle", "--app-dir", str(application))
    assert result.exit_code == 2
    assert "erp" in result.stderr
