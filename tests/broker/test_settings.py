"""Kafka's settings are checked as a whole before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from raccordo.broker.settings import KafkaSettings
from raccordo.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_defaults_fit_together() -> None:
    settings = KafkaSettings(bootstrap="localhost:9092, other:9093")
    assert settings.heartbeat * 3 <= settings.session_timeout
    assert settings.rebalance_timeout < settings.request_timeout
    assert settings.ssl_context() is None


def test_every_wrong_variable_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACCORDO_KAFKA", "localhost")
    monkeypatch.setenv("RACCORDO_KAFKA_COMPRESSION", "brotli")
    monkeypatch.setenv("RACCORDO_KAFKA_SESSION_TIMEOUT", "soon")
    monkeypatch.setenv("RACCORDO_KAFKA_SSL_CA", "/nowhere/ca.pem")

    with pytest.raises(ConfigError) as refused:
        KafkaSettings.from_environment()

    problems = list(refused.value.problems)
    assert [problem.partition(":")[0] for problem in problems] == [
        "RACCORDO_KAFKA",
        "RACCORDO_KAFKA_SSL_CA",
        "RACCORDO_KAFKA_SESSION_TIMEOUT",
        "RACCORDO_KAFKA_COMPRESSION",
    ]
    assert "'localhost' is not host:port" in problems[0]
    assert "/nowhere/ca.pem cannot be read (No such file or directory)" in problems[1]


def test_a_missing_address_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RACCORDO_KAFKA", raising=False)
    with pytest.raises(ConfigError, match=r"^RACCORDO_KAFKA: is not set; name the brokers as host:port$"):
        KafkaSettings.from_environment()


def test_settings_that_contradict_each_other_are_all_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACCORDO_KAFKA", "localhost:9092")
    monkeypatch.setenv("RACCORDO_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("RACCORDO_KAFKA_SASL_MECHANISM", "OAUTHBEARER")
    monkeypatch.setenv("RACCORDO_KAFKA_HEARTBEAT", "20")
    monkeypatch.setenv("RACCORDO_KAFKA_REQUEST_TIMEOUT", "40")

    with pytest.raises(ConfigError) as refused:
        KafkaSettings.from_environment()

    assert refused.value.problems == (
        "RACCORDO_KAFKA_USER and RACCORDO_KAFKA_PASSWORD are needed with SASL",
        "RACCORDO_KAFKA_TOKEN_URL is needed with OAUTHBEARER",
        "RACCORDO_KAFKA_HEARTBEAT must be at most a third of RACCORDO_KAFKA_SESSION_TIMEOUT",
        "RACCORDO_KAFKA_REQUEST_TIMEOUT must be above RACCORDO_KAFKA_REBALANCE_TIMEOUT",
    )


def test_credentials_without_a_protocol_that_uses_them_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACCORDO_KAFKA", "localhost:9092")
    monkeypatch.setenv("RACCORDO_KAFKA_USER", "shop")
    monkeypatch.setenv("RACCORDO_KAFKA_PASSWORD", "s3cret")
    with pytest.raises(ConfigError, match="SECURITY_PROTOCOL=SASL_SSL") as refused:
        KafkaSettings.from_environment()
    assert "s3cret" not in str(refused.value)


def test_a_password_is_never_shown() -> None:
    settings = KafkaSettings(
        bootstrap="localhost:9092", security_protocol="SASL_SSL", user="shop", password=SecretStr("s3cret")
    )
    assert "s3cret" not in repr(settings)
    context = settings.ssl_context()
    assert context is not None
    assert context.check_hostname


def test_tls_files_that_are_no_certificates_are_refused(tmp_path: Path) -> None:
    nonsense = tmp_path / "ca.pem"
    nonsense.write_text("nonsense")
    with pytest.raises(ValueError, match="do not fit together"):
        KafkaSettings(bootstrap="localhost:9092", security_protocol="SSL", ssl_ca=nonsense)
