"""What is told over HTTP, and what still answers when the loop stands still."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from raccordo.errors import ConfigError
from raccordo.health import Health, Watchdog
from raccordo.telemetry import configure

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def state() -> dict[str, Any]:
    """What the process says of itself."""
    return {"live": True, "ready": True, "detail": {"flow": "order-to-sap"}}


@pytest.fixture
def health(state: dict[str, Any]) -> Iterator[Health]:
    """A listener on a free port."""
    listening = Health("127.0.0.1:0", lambda: state)
    yield listening
    listening.stop()


def _get(health: Health, path: str, method: str = "GET") -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", health.port, timeout=5)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, json.loads(body) if answer.getheader("Content-Type") == "application/json" else body


@pytest.mark.parametrize(
    ("live", "ready", "statuses"),
    [
        (True, True, (200, 200, 200)),
        (True, False, (200, 503, 200)),
        (False, True, (503, 503, 200)),
        (False, False, (503, 503, 200)),
    ],
)
def test_the_three_paths_say_live_ready_and_the_detail(
    health: Health, state: dict[str, Any], live: bool, ready: bool, statuses: tuple[int, int, int]
) -> None:
    state.update(live=live, ready=ready)
    assert tuple(_get(health, path)[0] for path in ("/live", "/ready", "/health")) == statuses
    assert _get(health, "/health")[1] == state


@pytest.mark.parametrize("path", ["/", "/ready/", "/metrics", "/../etc/passwd"])
def test_another_path_is_not_found_and_tells_nothing(health: Health, path: str) -> None:
    assert _get(health, path) == (404, {})


def test_nothing_but_reading_is_offered(health: Health) -> None:
    assert _get(health, "/ready", "POST")[0] == 501


@pytest.mark.parametrize(
    "address", ["8081", ":8081", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:70000", ""]
)
def test_an_address_without_a_port_is_refused_with_an_example(address: str) -> None:
    with pytest.raises(ConfigError, match=r"write HOST:PORT, for example 127\.0\.0\.1:8081"):
        Health(address, dict)


def test_a_port_that_is_taken_is_told_in_a_sentence(health: Health) -> None:
    with pytest.raises(ConfigError, match=r"cannot listen there .*name another port"):
        Health(f"127.0.0.1:{health.port}", dict)


async def test_the_watchdog_names_the_place_that_blocks_the_loop_once() -> None:
    log = io.StringIO()
    watchdog = Watchdog(0.2, configure("info", log))
    watchdog.start(asyncio.get_running_loop())
    await asyncio.sleep(0.3)
    assert not watchdog.blocked
    _a_call_that_blocks()
    assert watchdog.blocked
    await asyncio.sleep(0.3)
    assert not watchdog.blocked
    watchdog.stop()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["loop_blocked"]
    assert any(place.endswith(":_a_call_that_blocks") for place in lines[0]["where"])


def _a_call_that_blocks() -> None:
    time.sleep(0.8)
