"""Basic and client credentials: one refresh in flight, and no loop."""

from __future__ import annotations

import asyncio
import base64

import pytest
from pydantic import SecretStr

from raccordo.errors import Unauthorized, Unavailable
from raccordo.wire.http import (
    Basic,
    Call,
    ClientCredentials,
    HttpClient,
    HttpSettings,
    Request,
    TokenEndpoint,
)
from stub_http import Asked, Reply, Stub, json_reply, serving

READ = Call("sap", "get_order")


class Clock:
    """Monotonic seconds that the test moves."""

    now = 1000.0

    def __call__(self) -> float:
        """Read it."""
        return self.now


class TokenServer:
    """A token endpoint at /token beside a resource that takes the newest token only."""

    def __init__(self) -> None:
        self.issued = 0
        self.reply: Reply | None = None
        self.life: object = 600

    async def __call__(self, asked: Asked) -> Reply:
        """Issue a token, or tell whether a request has it."""
        if asked.target != "/token":
            good = asked.headers.get("authorization") == f"Bearer token-{self.issued}"
            return Reply(200 if good else 401)
        await asyncio.sleep(0.01)
        self.issued += 1
        return self.reply or json_reply({"access_token": f"token-{self.issued}", "expires_in": self.life})


def signed(stub: Stub, clock: Clock) -> HttpClient:
    client = HttpClient(HttpSettings("sap", timeout=5))
    endpoint = TokenEndpoint(f"{stub.url}/token", "id:1", SecretStr("s e/cret"), "read write")
    client.auth = ClientCredentials("sap", endpoint, client.send, now=clock)
    return client


def get(stub: Stub) -> Request:
    return Request(READ, "GET", f"{stub.url}/orders")


async def test_basic_is_sent_unasked_in_utf_8() -> None:
    """No first 401, which would lock users on some systems and lose a body on others."""
    client = HttpClient(HttpSettings("sap"), Basic("rübe", SecretStr("pä:ss")))
    server = TokenServer()
    async with serving(server) as stub:
        answer = await client.exchange(get(stub))
        await client.stop()
    sent = stub.asked[0].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == "rübe:pä:ss"
    assert (answer.status, len(stub.asked)) == (401, 1)


async def test_many_tasks_fetch_one_token() -> None:
    """The first request of a worker is many at once."""
    server = TokenServer()
    async with serving(server) as stub:
        client = signed(stub, Clock())
        answers = await asyncio.gather(*(client.exchange(get(stub)) for _ in range(10)))
        await client.stop()
    assert [answer.status for answer in answers] == [200] * 10
    assert server.issued == 1
    asked = stub.asked[0]
    assert asked.body == b"grant_type=client_credentials&scope=read+write"
    assert base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")) == b"id%3A1:s+e%2Fcret"


async def test_a_token_is_renewed_before_it_ends() -> None:
    """None ends on its way to the system."""
    server, clock = TokenServer(), Clock()
    async with serving(server) as stub:
        client = signed(stub, clock)
        await client.exchange(get(stub))
        clock.now += 539
        await client.exchange(get(stub))
        assert server.issued == 1
        clock.now += 2
        await client.exchange(get(stub))
        assert server.issued == 2
        await client.stop()


async def test_a_storm_of_401_renews_once() -> None:
    """All requests of a batch are refused together, and one of them fetches."""
    server = TokenServer()
    async with serving(server) as stub:
        client = signed(stub, Clock())
        await client.exchange(get(stub))
        server.issued += 1  # the one that is in use is not the newest any more
        answers = await asyncio.gather(*(client.exchange(get(stub)) for _ in range(8)))
        await client.stop()
    assert [answer.status for answer in answers] == [200] * 8
    assert server.issued == 3


async def test_a_token_that_is_refused_again_is_not_renewed_for_ever() -> None:
    """One refresh for one request, then the answer stands."""
    server = TokenServer()
    server.reply = json_reply({"access_token": "never good", "expires_in": 600})
    async with serving(server) as stub:
        client = signed(stub, Clock())
        answer = await client.exchange(get(stub))
        await client.stop()
    assert answer.status == 401
    assert (server.issued, len(stub.asked)) == (2, 4)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (json_reply({"error": "invalid_client"}, 401), Unauthorized),
        (json_reply({"error": "invalid_scope"}, 400), Unauthorized),
        (Reply(404), Unauthorized),
        (Reply(302, {"Location": "http://127.0.0.1:9/"}), Unauthorized),
        (Reply(429, {"Retry-After": "5"}), Unavailable),
        (Reply(503), Unavailable),
        (Reply(500), Unavailable),
        (json_reply({"token": "?"}), Unavailable),
        (json_reply({"access_token": "a", "token_type": "mac"}), Unavailable),
        (json_reply({"access_token": "line\nbreak"}), Unavailable),
        (json_reply([1]), Unavailable),
        (Reply(200, {"Content-Type": "text/html"}, b"<html>"), Unavailable),
    ],
)
async def test_a_token_endpoint_that_refuses_stops_us_and_one_that_is_unwell_is_asked_again(
    reply: Reply, expected: type[Exception]
) -> None:
    """Nothing was sent to the system either way."""
    server = TokenServer()
    server.reply = reply
    async with serving(server) as stub:
        client = signed(stub, Clock())
        with pytest.raises(expected) as caught:
            await client.exchange(get(stub))
        await client.stop()
    assert type(caught.value) in (expected, *expected.__subclasses__())
    assert "cret" not in str(caught.value)
    assert [asked.target for asked in stub.asked] == ["/token"]


@pytest.mark.parametrize(("life", "still_good"), [("600", 500.0), (None, 200.0), ("soon", 200.0), (10, 4.0)])
async def test_a_life_that_is_odd_or_absent_is_made_the_best_of(life: object, still_good: float) -> None:
    """Strings, nothing, nonsense, and lives shorter than the margin."""
    server, clock = TokenServer(), Clock()
    server.life = life
    async with serving(server) as stub:
        client = signed(stub, clock)
        await client.exchange(get(stub))
        clock.now += still_good
        await client.exchange(get(stub))
        assert server.issued == 1
        clock.now += 400
        await client.exchange(get(stub))
        assert server.issued == 2
        await client.stop()
