"""The connection under consumer, producer and admin: aiokafka's, with two habits changed, and the first contact told.

aiokafka names topics in its metadata requests in a way that makes brokers create them, and does not say when
it was last answered. Both are changed here, in a subclass of its (private) client; tests/broker guard it
against upgrades.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Any

from aiokafka import errors as kafka
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import create_conn
from aiokafka.protocol.metadata import MetadataRequest

from raccordo.broker.kafka.errors import CREDENTIALS_REFUSED, translated
from raccordo.broker.kafka.oauth import ClientCredentials
from raccordo.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from raccordo.broker.settings import KafkaSettings

RETRY_SECONDS = 0.25

METADATA_MILLISECONDS = 60_000
"""How soon partitions that were added are noticed."""

UNREACHABLE = (OSError, kafka.KafkaError, TimeoutError)


class Client(AIOKafkaClient):  # type: ignore[misc]  # aiokafka has no types
    """aiokafka's client. `last_contact` is the monotonic time of the last answer to any request."""

    def __init__(self, settings: KafkaSettings) -> None:
        super().__init__(**connection(settings), metadata_max_age_ms=METADATA_MILLISECONDS)
        self._settings = settings
        self.last_contact = time.monotonic()

    @property
    def contact_age(self) -> float:
        """Seconds since the last answer."""
        return time.monotonic() - self.last_contact

    async def send(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request and note that it was answered."""
        answer = await super().send(*args, **kwargs)
        self.last_contact = time.monotonic()
        return answer

    async def _metadata_update(self, cluster_metadata: Any, topics: Any) -> bool:
        """Ask any broker about topics, without having it create them."""
        request = MetadataRequest(sorted(topics) if topics else None, allow_auto_topic_creation=False)
        nodes: list[Any] = [broker.nodeId for broker in self.cluster.brokers()]
        first = [connection for connection in self._conns if connection[0] == "bootstrap"]
        nodes.extend(node for node, _ in first)
        random.shuffle(nodes)
        for node in nodes:
            if (conn := await self._get_conn(node)) is None:
                continue
            try:
                metadata = await conn.send(request)
            except (kafka.KafkaError, TimeoutError):
                continue
            self.last_contact = time.monotonic()
            if not metadata.brokers:
                return False
            cluster_metadata.update_metadata(metadata)
            for connection in first:
                self._conns.pop(connection).close()
            return True
        cluster_metadata.failed_update(None)
        return False

    async def bootstrap(self) -> None:
        """Reach the cluster, once, trying until the start deadline.

        Raises ConfigError when it refuses our credentials, BrokerError when nobody answers.
        """
        if self._sync_task is not None:
            return
        settings = self._settings
        problem = "no address was tried"
        try:
            async with asyncio.timeout(settings.start_deadline):
                while True:
                    problem = await self._probe() or problem
                    try:
                        await super().bootstrap()
                    except UNREACHABLE:
                        await asyncio.sleep(RETRY_SECONDS)
                    else:
                        return
        except TimeoutError:
            raise BrokerError(
                f"No Kafka broker answers at {settings.bootstrap} within {settings.start_deadline:g} s ({problem}). "
                "Start it (`raccordo dev up`), or set RACCORDO_KAFKA to its address."
            ) from None

    async def _probe(self) -> str:
        """Connect once as bootstrapping does, which hides why it fails; return what went wrong, "" if nothing.

        Raises ConfigError when the credentials are refused.
        """
        problem = ""
        for host, port, _ in self.hosts:
            try:
                conn = await create_conn(
                    host,
                    port,
                    client_id=self._client_id,
                    request_timeout_ms=self._request_timeout_ms,
                    ssl_context=self._ssl_context,
                    security_protocol=self._security_protocol,
                    sasl_mechanism=self._sasl_mechanism,
                    sasl_plain_username=self._sasl_plain_username,
                    sasl_plain_password=self._sasl_plain_password,
                    sasl_oauth_token_provider=self._sasl_oauth_token_provider,
                )
            except CREDENTIALS_REFUSED as error:
                raise translated(error, f"connect to {host}:{port}") from error
            except UNREACHABLE as error:
                problem = f"{host}:{port}: {str(error) or type(error).__name__}"
            else:
                conn.close()
                return ""
        return problem

    async def missing(self, topics: frozenset[str]) -> frozenset[str]:
        """Return those of `topics` that do not exist. Raises BrokerError when nobody says."""
        try:
            cluster = await self.fetch_all_metadata()
        except kafka.KafkaError as error:
            raise translated(error, "list topics") from error
        return topics.difference(cluster.topics(exclude_internal_topics=False))


def connection(settings: KafkaSettings) -> dict[str, Any]:
    """Return aiokafka's arguments for reaching the cluster; safe to be given to any of its clients."""
    signing_in = settings.security_protocol.startswith("SASL")
    by_token = signing_in and settings.sasl_mechanism == "OAUTHBEARER"
    return {
        "bootstrap_servers": [address.strip() for address in settings.bootstrap.split(",")],
        "client_id": settings.client_id,
        "request_timeout_ms": milliseconds(settings.request_timeout),
        "security_protocol": settings.security_protocol,
        "ssl_context": settings.ssl_context(),
        "sasl_mechanism": settings.sasl_mechanism if signing_in else "PLAIN",
        "sasl_plain_username": settings.user if signing_in else None,
        "sasl_plain_password": settings.password.get_secret_value() if signing_in else None,
        "sasl_oauth_token_provider": ClientCredentials(settings) if by_token else None,
    }


def milliseconds(seconds: float) -> int:
    """Convert to Kafka's unit."""
    return round(seconds * 1000)


async def retried(call: Callable[[], Awaitable[Any]], doing: str, deadline: float) -> Any:
    """Call until it is not refused for a passing reason, at most `deadline` seconds; errors are translated."""
    try:
        async with asyncio.timeout(deadline):
            while True:
                try:
                    return await call()
                except kafka.KafkaError as error:
                    if not error.retriable:
                        raise translated(error, doing) from error
                await asyncio.sleep(RETRY_SECONDS)
    except TimeoutError:
        raise BrokerError(f"Kafka gave no answer within {deadline:g} s ({doing}).") from None
