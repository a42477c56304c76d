"""The generated pages hold every setting, contract and field that the code has, and drift is noticed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import Field, SecretStr

from connectors.sap import SapConfig, SapOrders
from connectors.sap.carried import NOT_PLACED, PLACED, SENT_IF
from connectors.sap.described import WHEN, carried_fields
from raccordo.broker.settings import KafkaSettings
from raccordo.connector import ConnectorConfig
from raccordo.reference import pages, stale, write
from raccordo.reference.__main__ import main
from raccordo.reference.markdown import cell, table
from raccordo.reference.variables import env_example, settings_page, variables
from raccordo.settings import Settings
from schemas import CONTRACTS

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]


class ErpConfig(ConnectorConfig, name="erp"):
    """Settings of a made-up system."""

    settle: float = Field(6.0, ge=0, description="Until not found counts | a pipe.")
    url: str = Field(description="Where it is.")
    password: SecretStr = Field(SecretStr("canary-4711"), description="Its password.")


def test_the_committed_pages_are_what_the_code_says() -> None:
    assert stale(ROOT) == [], "run: make docs"


def test_every_variable_of_every_settings_class_is_on_the_page_and_in_the_example() -> None:
    page, example = settings_page([SapConfig]), env_example([SapConfig])
    names = [one.name for kind in (Settings, KafkaSettings, SapConfig) for one in variables(kind)]
    assert len(set(names)) == len(names) > 60
    for name in names:
        assert f"| `{name}` |" in page
        assert f"{name}=" in example


def test_the_example_can_be_filled_in_and_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line without # needs a value; every other line holds the default, so uncommenting it changes nothing."""
    filled = {
        "RACCORDO_KAFKA": "kafka-1:9092",
        "RACCORDO_SAP_URL": "https://sap:44300",
        "RACCORDO_SAP_SALES_ORGANISATION": "1710",
        "RACCORDO_SAP_DISTRIBUTION_CHANNEL": "10",
        "RACCORDO_SAP_DIVISION": "00",
    }
    lines = env_example([SapConfig]).splitlines()
    defaults = dict(line[1:].split("=", 1) for line in lines if line.startswith("#RACCORDO_"))
    required = [line.removesuffix("=") for line in lines if line.startswith("RACCORDO_")]
    assert sorted(required) == sorted(filled)
    _set(monkeypatch, filled)
    before = (Settings.from_environment(), KafkaSettings.from_environment(), SapConfig.from_environment())
    _set(monkeypatch, {name: value for name, value in defaults.items() if value})
    assert before == (
        Settings.from_environment(),
        KafkaSettings.from_environment(),
        SapConfig.from_environment(),
    )


def _set(monkeypatch: pytest.MonkeyPatch, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_the_default_of_a_secret_and_the_name_of_this_machine_are_not_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POD_NAME", "pod-canary")
    text = settings_page([ErpConfig]) + env_example([ErpConfig])
    assert "canary" not in text
    assert "Its password. Secret." in text


def test_every_field_of_every_contract_is_on_the_page() -> None:
    page = pages(ROOT)["docs/reference/contracts.md"]
    for contract in CONTRACTS:
        section = page.split(f"\n## {contract.info.name}\n")[1].split("\n## ")[0]
        for name in contract.model_fields:
            assert f"| `{name}`" in section


def test_every_field_of_an_order_has_its_place_or_its_reason_in_words() -> None:
    """A condition that the code knows is told to people too."""
    assert WHEN.keys() == SENT_IF.keys()
    rows = carried_fields()
    assert {path for path, where, _ in rows if where} == set(PLACED)
    assert {path for path, where, why in rows if not where and why} == set(NOT_PLACED)
    assert set(rows) == set(SapOrders.carried_fields())
    page = pages(ROOT)["docs/reference/connectors.md"]
    assert all(f"| `{path}` |" in page for path, _, _ in rows)


def test_drift_is_noticed_and_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for room in ("flows", "connectors", "schemas"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert main(["--check"]) == 1
        assert "docs/reference/settings.md is not what the code says" in capsys.readouterr().err
        assert main([]) == 0
        assert main(["--check"]) == 0
        (tmp_path / "deploy/env.example").write_text("RACCORDO_KAFKA=\n")
        assert write(tmp_path) == ["deploy/env.example"]


def test_no_text_breaks_a_table() -> None:
    assert cell("a | b\n  c") == "a \\| b c"
    assert table(("x",), [("a|b",)]).splitlines()[2] == "| a\\|b |"
