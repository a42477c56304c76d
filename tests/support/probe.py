"""What a worker says of itself over HTTP, and what it costs."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from typing import Any

import psutil

from raccordo.dev.ports import free_port, is_free


class Probe:
    """Asks the health listener at a port that was free when this was made."""

    def __init__(self, port: int = 0) -> None:
        self.port = port or free_port()

    @classmethod
    def above(cls, count: int) -> Probe:
        """Find a port with `count` further free ones right above it, for a supervisor and its workers."""
        while True:
            port = free_port()
            if all(is_free(port + further) for further in range(1, count + 1)):
                return cls(port)

    @property
    def address(self) -> str:
        """What `--health` is given."""
        return f"127.0.0.1:{self.port}"

    async def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Ask; status 0 while nobody listens."""
        return await asyncio.to_thread(self._get, path)

    def _get(self, path: str) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except OSError:
            return 0, {}
        finally:
            connection.close()

    async def becomes(self, status: int, path: str = "/ready", within: float = 40.0) -> dict[str, Any]:
        """Wait until a path answers with a status; returns the detail."""
        end = time.monotonic() + within
        while (answer := await self.get(path))[0] != status:
            assert time.monotonic() < end, f"{path} still answers {answer}, not {status}"
            await asyncio.sleep(0.1)
        return answer[1]

    async def stays(self, status: int, seconds: float, path: str = "/ready") -> None:
        """Check that a path answers with a status all the time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answer = await self.get(path)
            assert answer[0] == status, f"{path} answers {answer}, not {status}"
            await asyncio.sleep(0.1)


def processor_seconds(pid: int) -> float:
    """Processor time that a process has used up."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
