"""What goes into an HTTP exchange and what comes out, free of the library that carries it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Call:
    """Who is asked for what, and whether that changes something: enough to give an error its verdict."""

    system: str
    operation: str
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `url` is absolute and already percent-encoded."""

    call: Call
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete HTTP answer. Header names are lower case; the body is inflated and of limited size."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether the status is one of success (2xx)."""
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case; empty if the answer names none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()
