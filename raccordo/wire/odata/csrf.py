"""The token against cross-site request forgery that SAP wants beside every write: fetched once for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raccordo.errors import Rejected, Unauthorized
from raccordo.wire.http import Call, Request, refusal, unreadable
from raccordo.wire.http.flight import SingleFlight
from raccordo.wire.http.verdicts import sign_in_page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from raccordo.wire.http import Answer

HEADER = "x-csrf-token"
REQUIRED = "required"
FETCH = "Fetch"
FORBIDDEN = 403

ATTEMPTS = (("HEAD", "/"), ("GET", "/"), ("GET", ""))
"""How a token is asked for, until one comes. SAP's own SDK asks with HEAD; some systems know only GET, some
insist on the slash behind the service, some refuse it."""


class CsrfToken:
    """The token of one session with one system; the session is in the cookies, which the HTTP client keeps."""

    def __init__(self, system: str, exchange: Callable[[Request], Awaitable[Answer]]) -> None:
        self._call = Call(system, "fetch_token")
        self._exchange = exchange
        self._flight = SingleFlight()
        self._token: str | None = None

    async def header(self, root: str, standing: Mapping[str, str]) -> dict[str, str]:
        """Return the header for a write, fetching a token from the service at `root` where none is known.

        `standing` are the headers of every request. A service that gives no token is written to without one.
        """
        await self._flight.run(lambda: self._token is None, lambda: self._fetch(root, standing))
        return self._header()

    async def renewed(
        self, refused: Mapping[str, str], root: str, standing: Mapping[str, str]
    ) -> dict[str, str]:
        """Return another header than the refused one; tasks that were refused together fetch once."""

        def is_refused() -> bool:
            return self._token is None or refused.get(HEADER, "") == self._token

        await self._flight.run(is_refused, lambda: self._fetch(root, standing))
        return self._header()

    def notice(self, answer: Answer) -> None:
        """Take the token that any answer may carry."""
        token = answer.headers.get(HEADER, "")
        if token and token.lower() not in (REQUIRED, FETCH.lower()):
            self._token = token

    def _header(self) -> dict[str, str]:
        return {HEADER: self._token} if self._token else {}

    async def _fetch(self, root: str, standing: Mapping[str, str]) -> None:
        self._token = None
        path, question, query = root.partition("?")
        headers = {**standing, HEADER: FETCH, "Accept": "application/json"}
        answers = []
        for method, ending in ATTEMPTS:
            address = path.rstrip("/") + ending + question + query
            answer = await self._exchange(Request(self._call, method, address, headers))
            token = answer.headers.get(HEADER, "")
            if token and token.lower() != REQUIRED:
                self._token = token
                return
            self._refuse_if_final(answer)
            answers.append(answer)
        if any(answer.ok for answer in answers):
            self._token = ""
            return
        error = refusal(answers[-1], self._call)
        raise Unauthorized(
            "no token for writes can be had; check the address of the service and our rights",
            system=self._call.system,
            operation=self._call.operation,
            status=answers[-1].status,
        ) from error

    def _refuse_if_final(self, answer: Answer) -> None:
        """Raise what asking in another way would not change."""
        if sign_in_page(answer):
            raise unreadable(answer, self._call, "")
        error = refusal(answer, self._call)
        if error is not None and not isinstance(error, Rejected) and answer.status != FORBIDDEN:
            raise error


def is_demanded(answer: Answer) -> bool:
    """Tell whether an answer refuses a write for its token alone; the body differs from system to system."""
    return answer.status == FORBIDDEN and answer.headers.get(HEADER, "").lower() == REQUIRED
