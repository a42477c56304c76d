"""The way from one page to the next: as the server gave it, on the same host, and never in a circle."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from raccordo.errors import Unauthorized
from raccordo.wire.http.failures import lost

if TYPE_CHECKING:
    from raccordo.wire.http import Call


class Trail:
    """The pages of one read that were asked for already; at most `limit`."""

    def __init__(self, call: Call, first: str, limit: int) -> None:
        self._call = call
        self._first = first
        self._limit = limit
        self._seen = {first}

    def following(self, page: str, link: str) -> str:
        """Return the absolute address of the page after `page`.

        Raises:
            Unauthorized: it is on another host, which would be handed our credentials.
            Unavailable: it was asked for before, or there are too many.
        """
        try:
            address = urljoin(page, link)
        except ValueError:
            address = ""
        if _origin(address) != _origin(self._first):
            raise Unauthorized(
                "the next page is on another host, which is never followed",
                system=self._call.system,
                operation=self._call.operation,
            )
        if address in self._seen:
            raise lost(self._call, "its pages run in a circle")
        if len(self._seen) >= self._limit:
            raise lost(self._call, f"it has more than {self._limit} pages")
        self._seen.add(address)
        return address


def _origin(address: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return ("", None, None)
    return (parts.scheme, parts.hostname, port or {"http": 80, "https": 443}.get(parts.scheme))
