"""Whether this process lives and gets on, told over HTTP to whoever restarts and watches it."""

from __future__ import annotations

import json
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from raccordo.errors import ConfigError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

BEAT: Final = 0.1
LAST_PORT: Final = 65535
LIVE, READY, DETAIL = "/live", "/ready", "/health"


class Watchdog:
    """Notices when something blocks the event loop, from a thread of its own, and says where."""

    def __init__(self, limit: float, log: FilteringBoundLogger) -> None:
        self._limit = limit
        self._log = log
        self._beat = time.monotonic()
        self._reported = False
        self._stop = threading.Event()
        self._loop_thread = threading.get_ident()
        self._thread = threading.Thread(target=self._watch, name="loop-watchdog", daemon=True)

    @property
    def lag(self) -> float:
        """Seconds by which the loop is late."""
        return max(0.0, time.monotonic() - self._beat - BEAT)

    @property
    def blocked(self) -> bool:
        """Whether the loop is blocked for longer than the limit."""
        return self.lag > self._limit

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to watch the loop that calls this."""

        def beat() -> None:
            self._beat = time.monotonic()
            self._reported = False
            if not self._stop.is_set():
                loop.call_later(BEAT, beat)

        beat()
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.wait(BEAT):
            if self.blocked and not self._reported:
                self._reported = True
                frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 - the only way to another thread's stack
                places = [
                    f"{place.filename.rpartition('/')[2]}:{place.lineno}:{place.name}"
                    for place in traceback.extract_stack(frame)
                ]
                self._log.error("loop_blocked", lag_seconds=round(self.lag, 3), where=places[-6:])


class Health:
    """A small HTTP listener: ``/live``, ``/ready`` (200 or 503) and ``/health`` with the detail as JSON.

    Runs in its own thread, so that it still answers, with 503, when the event loop is blocked. `snapshot` returns
    at least ``live`` and ``ready``.
    """

    def __init__(self, address: str, snapshot: Callable[[], dict[str, Any]]) -> None:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or int(port) > LAST_PORT:
            message = f"--health {address!r}: write HOST:PORT, for example 127.0.0.1:8081"
            raise ConfigError(message)
        try:
            self._server = ThreadingHTTPServer((host.strip("[]"), int(port)), _handler(snapshot))
        except OSError as error:
            message = f"--health {address}: cannot listen there ({error.strerror}); name another port"
            raise ConfigError(message) from error
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


def _handler(snapshot: Callable[[], dict[str, Any]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state = snapshot()
            good = {LIVE: state["live"], READY: state["live"] and state["ready"], DETAIL: True}.get(self.path)
            body = json.dumps(state, sort_keys=True).encode() if good is not None else b"{}"
            self.send_response(404 if good is None else 200 if good else 503)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it has there
            """Probes are no news."""

    return Handler
