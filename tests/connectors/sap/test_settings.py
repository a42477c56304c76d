"""Settings: all problems at once, each with its variable, no secret shown."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.sap import SapConfig, SapOrders
from connectors.sap.preset import V2
from raccordo.errors import ConfigError

GOOD = {
    "RACCORDO_SAP_URL": "https://sap.example:44300/",
    "RACCORDO_SAP_USER": "robot",
    "RACCORDO_SAP_PASSWORD": "pw-canary",
    "RACCORDO_SAP_SALES_ORGANISATION": "1710",
    "RACCORDO_SAP_DISTRIBUTION_CHANNEL": "10",
    "RACCORDO_SAP_DIVISION": "00",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def test_the_environment_makes_settings() -> None:
    """Names, types, defaults; the slash behind the address does not matter."""
    config = SapConfig.from_environment()
    assert config.url == "https://sap.example:44300"
    assert config.settle >= 600
    assert config.layout == V2
    assert "pw-canary" not in repr(config) + str(config)


def test_every_setting_says_what_it_is() -> None:
    """Docs and env.example are made of these sentences."""
    assert all(field.description for field in SapConfig.model_fields.values())


def test_all_problems_are_listed_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Missing, malformed, half a sign-in and an unknown role in one error."""
    monkeypatch.delenv("RACCORDO_SAP_SALES_ORGANISATION")
    monkeypatch.delenv("RACCORDO_SAP_PASSWORD")
    monkeypatch.setenv("RACCORDO_SAP_URL", "sap.example")
    monkeypatch.setenv("RACCORDO_SAP_CLIENT", "1")
    monkeypatch.setenv("RACCORDO_SAP_FIELDS", '{"items.material": "x", "item.unit": "a b"}')
    monkeypatch.setenv("RACCORDO_SAP_CA", str(tmp_path / "absent.pem"))
    monkeypatch.setenv("RACCORDO_SAP_TIMEOUT", "-1")
    with pytest.raises(ConfigError) as caught:
        SapOrders.open()
    told = "\n".join(caught.value.problems)
    for name in ("SALES_ORGANISATION", "PASSWORD", "URL", "CLIENT", "FIELDS", "CA", "TIMEOUT"):
        assert f"RACCORDO_SAP_{name}" in told


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("URL", "https://robot:pw-other@sap.example", "user or password"),
        ("URL", "https://sap.example:0", "is no address"),
        ("URL", "https://sap.example:99999999", "is no address"),
        ("URL", "ftp://sap.example", "is no address"),
        ("URL", "https://sap.example/?sap-client=100", "query"),
        ("CLIENT_ID", "x", "choose one way"),
        ("FIELDS", '{"order_id": ""}', "cannot be switched off"),
        ("FIELDS", '{"nothing": "X"}', "there are: "),
        ("PARTNER_FUNCTIONS", '{"carrier": "CR"}', "there are: ship_to"),
        ("PRESET", "v3", "v2"),
        ("SERVICE", "sap/opu", "pattern"),
        ("LANGUAGE", "english", "pattern"),
    ],
)
def test_a_wrong_value_is_refused_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    """The sentence names the variable and never the secret."""
    monkeypatch.setenv(f"RACCORDO_SAP_{name}", value)
    with pytest.raises(ConfigError) as caught:
        SapConfig.from_environment()
    assert sentence in str(caught.value)
    assert f"RACCORDO_SAP_{name}" in str(caught.value)
    assert "pw-" not in str(caught.value)


def test_client_credentials_need_all_three(monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoint, id and secret, and no user beside them."""
    monkeypatch.delenv("RACCORDO_SAP_USER")
    monkeypatch.delenv("RACCORDO_SAP_PASSWORD")
    monkeypatch.setenv("RACCORDO_SAP_TOKEN_URL", "https://id.example/oauth/token")
    with pytest.raises(ConfigError) as caught:
        SapConfig.from_environment()
    assert "RACCORDO_SAP_CLIENT_ID" in str(caught.value)
    assert "RACCORDO_SAP_CLIENT_SECRET" in str(caught.value)
    monkeypatch.setenv("RACCORDO_SAP_CLIENT_ID", "id")
    monkeypatch.setenv("RACCORDO_SAP_CLIENT_SECRET", "secret-canary")
    config = SapConfig.from_environment()
    endpoint = config.token_endpoint()
    assert endpoint is not None
    assert "secret-canary" not in repr(config) + repr(endpoint)


def test_names_can_be_changed_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A customer's own service has other names, and lacks some."""
    monkeypatch.setenv("RACCORDO_SAP_PRESET", "v4")
    monkeypatch.setenv("RACCORDO_SAP_SERVICE", "/sap/z/orders")
    monkeypatch.setenv("RACCORDO_SAP_FIELDS", '{"item.material": "ZZMaterial", "texts": ""}')
    layout = SapConfig.from_environment().layout
    assert layout.root == "/sap/z/orders"
    assert layout.places["item.material"].name == "ZZMaterial"
    assert layout.places["item.material"].max_length == 18
    assert layout.places["texts"].name == ""
    assert layout.places["items"].name == "_Item"
