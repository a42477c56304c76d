"""Settings from the environment: every wrong one is told, with its variable, and never with its value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raccordo.errors import ConfigError
from raccordo.settings import Settings, ttl_problems

DAY = 86400.0


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests."""
    for field in Settings.model_fields:
        monkeypatch.delenv(f"RACCORDO_{field.upper()}", raising=False)


def test_all_wrong_settings_are_told_at_once_without_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "RACCORDO_SLOT": "canary-1",
        "RACCORDO_MAX_IN_FLIGHT": "0",
        "RACCORDO_DRAIN_TIMEOUT": "canary-2",
        "RACCORDO_LOG_LEVEL": "canary-3",
        "RACCORDO_ADOPT_LEDGER": "canary-4",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as refused:
        Settings.from_environment()
    assert sorted(problem.partition(":")[0] for problem in refused.value.problems) == sorted(wrong)
    assert "canary" not in str(refused.value)


def test_tenants_are_split_at_commas_and_stripped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACCORDO_TENANTS", " acme , acme-eu,")
    assert Settings.from_environment().tenants == {"acme", "acme-eu"}


@pytest.mark.parametrize("text", ["ACME", "a:b", "-acme", " ", "a" * 64, "acme,b c"])
def test_a_tenant_that_could_not_be_told_from_another_is_refused(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("RACCORDO_TENANTS", text)
    with pytest.raises(ConfigError, match="RACCORDO_TENANTS: a tenant is a-z, 0-9 and '-'"):
        Settings.from_environment()


def test_what_the_command_line_says_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACCORDO_SLOT", "3")
    assert Settings.from_environment(slot=7).slot == 7


def test_the_pod_names_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POD_NAME", "raccordo-4")
    assert Settings.from_environment().host == "raccordo-4"


def test_the_settings_that_come_with_it_keep_the_ttl_rule_for_a_month_of_retention() -> None:
    assert ttl_problems(Settings(), [30 * DAY]) == []


@given(
    retentions=st.lists(st.floats(0, 400 * DAY), max_size=4),
    patience=st.floats(1, 30 * DAY),
    horizon=st.floats(1, 60 * DAY),
    ttl=st.floats(1, 500 * DAY),
)
def test_a_ledger_remembers_longer_than_any_repeat_may_come(
    retentions: list[float], patience: float, horizon: float, ttl: float
) -> None:
    settings = Settings(give_up_after=patience, redrive_horizon=horizon, ledger_ttl=ttl)
    latest_repeat = max(retentions, default=0.0) + patience + horizon
    assert (ttl_problems(settings, retentions) == []) == (ttl > latest_repeat)
