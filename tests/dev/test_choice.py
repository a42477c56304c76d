"""Which broker is used, and the sentences for a choice that cannot be had."""

from __future__ import annotations

import sys
from contextlib import nullcontext

import pytest

from raccordo.dev.choice import BrokerKind, Choice, broker, choose
from raccordo.dev.state import ServiceError

PROCESS = Choice(BrokerKind.PROCESS, "", "127.0.0.1:1")


def test_without_a_wish_kafka_runs_as_a_process() -> None:
    """An unset or empty variable means the process broker."""
    assert choose({}).kind is BrokerKind.PROCESS
    assert choose({"RACCORDO_KAFKA": " "}).kind is BrokerKind.PROCESS


@pytest.mark.parametrize("bootstrap", ["localhost:9092", "a-1.example:9092,b_2:19092", "[::1]:9092"])
def test_a_named_broker_is_used_and_said(bootstrap: str) -> None:
    """One or several host:port are taken as they are; one line says so, and no process is made."""
    said: list[str] = []

    def process() -> nullcontext[Choice]:
        pytest.fail("no process may be started")

    with broker({"RACCORDO_KAFKA": bootstrap}, process=process, say=said.append) as used:
        assert used.bootstrap == bootstrap
    assert said == [f"Kafka: {bootstrap} (RACCORDO_KAFKA)."]


@pytest.mark.parametrize("wrong", ["localhost", "localhost:", ":9092", "kafka://h:1", "h:1,,h:2", "h:123456"])
def test_a_value_that_is_no_broker_is_refused(wrong: str) -> None:
    """The error repeats the value and says what to write."""
    with pytest.raises(ServiceError, match="write host:port, `docker`, or leave it unset"):
        choose({"RACCORDO_KAFKA": wrong})


def test_the_process_broker_is_used_by_default() -> None:
    """The process that the caller offers is the broker of the block."""
    with broker({}, process=lambda: nullcontext(PROCESS)) as used:
        assert used is PROCESS


def test_docker_without_the_extra_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for docker without testcontainers is told what to install."""
    monkeypatch.setitem(sys.modules, "docker", None)
    with (
        pytest.raises(ServiceError, match=r"pip install 'raccordo\[docker\]'"),
        broker({"RACCORDO_KAFKA": "docker"}, process=lambda: nullcontext(PROCESS)),
    ):
        pass


def test_docker_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a Docker daemon nothing hangs and nothing is fetched."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with (
        pytest.raises(ServiceError, match="no Docker answers"),
        broker({"RACCORDO_KAFKA": "docker"}, process=lambda: nullcontext(PROCESS)),
    ):
        pass
