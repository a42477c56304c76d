"""What we count on in aiokafka, so that an upgrade that changes it is noticed here and not in production."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import httpx
import pytest
from aiokafka import codec
from aiokafka import errors as kafka
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.record import default_records
from pydantic import SecretStr

from raccordo.broker.kafka import KafkaBroker
from raccordo.broker.kafka.errors import translated
from raccordo.broker.kafka.logs import OnceAMinute
from raccordo.broker.kafka.membership import Membership
from raccordo.broker.kafka.oauth import ClientCredentials
from raccordo.broker.settings import KafkaSettings
from raccordo.errors import BrokerError, ConfigError, RaccordoError, TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_records_are_packed_by_the_compiled_classes() -> None:
    assert default_records.DefaultRecordBatchBuilder.__module__.startswith("aiokafka.record._crecords")
    assert default_records.DefaultRecordBatch.__module__.startswith("aiokafka.record._crecords")


@pytest.mark.parametrize("name", ["gzip", "snappy", "lz4", "zstd"])
def test_every_compression_is_there(name: str) -> None:
    assert getattr(codec, f"has_{name}")()


def test_a_missing_compression_is_said_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "has_lz4", lambda: False)
    with pytest.raises(ConfigError, match="cramjam"):
        KafkaBroker(KafkaSettings(bootstrap="localhost:9092"))


def every_error(kind: type[kafka.KafkaError] = kafka.KafkaError) -> Iterator[type[kafka.KafkaError]]:
    for each in kind.__subclasses__():
        if each is not kafka.BrokerResponseError:  # abstract: it cannot even be printed
            yield each
        yield from every_error(each)


def test_every_error_of_the_library_becomes_one_of_ours() -> None:
    ours = {kind.__name__: translated(kind(), "publish to orders") for kind in every_error()}
    assert len(ours) > 80
    assert all(isinstance(error, BrokerError | ConfigError) for error in ours.values())
    assert isinstance(ours["MessageSizeTooLargeError"], TooLarge)
    assert isinstance(ours["SaslAuthenticationFailed"], ConfigError)
    assert "raccordo topics apply" in str(ours["UnknownTopicOrPartitionError"])
    assert "no right to publish to orders" in str(ours["TopicAuthorizationFailedError"])


async def test_consumers_of_one_process_do_not_share_the_assignors_memory() -> None:
    """What one group was given must not be claimed in another."""
    one, two = (Membership(sasl_settings(), frozenset(["orders"]), group, "") for group in ("one", "two"))
    before = two._assignor.metadata({"orders"}).user_data
    one._assignor.on_assignment(ConsumerProtocolMemberAssignment(0, [("orders", [0, 1])], b""))
    assert two._assignor.metadata({"orders"}).user_data == before
    assert one._assignor.metadata({"orders"}).user_data != before
    await one._inner.stop()
    await two._inner.stop()


def test_our_own_errors_pass_unchanged() -> None:
    error: RaccordoError = ConfigError("already said")
    assert translated(error, "publish") is error


def test_the_librarys_log_passes_once_a_minute_and_counts(caplog: pytest.LogCaptureFixture) -> None:
    handler = OnceAMinute(logging.getLogger("raccordo.test"))

    def log(second: float, line: int, level: int = logging.ERROR) -> None:
        record = logging.LogRecord("aiokafka.client", level, "client.py", line, "no %s", ("broker",), None)
        record.created = second
        if level >= handler.level:
            handler.handle(record)

    for second in range(50):
        log(second, 1)
    log(50, 2)
    log(51, 3, logging.INFO)
    log(61, 1)

    assert [record.getMessage() for record in caplog.records] == [
        "aiokafka.client: no broker",
        "aiokafka.client: no broker",
        "aiokafka.client: no broker (49 times more in the last minute)",
    ]


async def test_a_token_is_fetched_once_and_used_while_it_lives() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        lifetime = 3600 if len(asked) == 1 else 0
        return httpx.Response(200, json={"access_token": f"token-{len(asked)}", "expires_in": lifetime})

    tokens = ClientCredentials(sasl_settings(), httpx.MockTransport(answer))
    assert set(await asyncio.gather(tokens.token(), tokens.token(), tokens.token())) == {"token-1"}
    assert len(asked) == 1
    assert asked[0].content == b"grant_type=client_credentials&scope=kafka"
    assert asked[0].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    "answer", [httpx.Response(401), httpx.Response(200, text="hello"), httpx.Response(200, json=[])]
)
async def test_a_refused_token_counts_as_no_connection(answer: httpx.Response) -> None:
    tokens = ClientCredentials(sasl_settings(), httpx.MockTransport(lambda _: answer))
    with pytest.raises(OSError, match="gave no token") as refused:
        await tokens.token()
    assert "s3cret" not in str(refused.value)


def sasl_settings() -> KafkaSettings:
    return KafkaSettings(
        bootstrap="localhost:9092",
        security_protocol="SASL_SSL",
        sasl_mechanism="OAUTHBEARER",
        user="shop",
        password=SecretStr("s3cret"),
        token_url="https://login.example.com/token",
        token_scope="kafka",
    )
