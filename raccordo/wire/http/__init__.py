"""The one place where httpx is used: connections, deadlines, limits, sign-in, and the table of verdicts.

- `client`: HttpClient, one exchange under one deadline; nothing followed, nothing repeated but a sign-in
- `exchange`: Call, Request and Answer, what goes in and out
- `body`: reading a body under a limit, inflated or not
- `failures`: every exception of httpx to an error of ours
- `verdicts`: every status to an error of ours
- `retry_after`: the header of that name
- `auth`: basic and OAuth 2 client credentials
- `flight`: one task does what many wait for
- `tls`: trust and client certificates, read again when their files change
"""

from raccordo.wire.http.auth import Auth, Basic, ClientCredentials, TokenEndpoint
from raccordo.wire.http.client import HttpClient, HttpSettings
from raccordo.wire.http.exchange import Answer, Call, Request
from raccordo.wire.http.tls import Tls
from raccordo.wire.http.verdicts import Reason, refusal, unreadable

__all__ = [
    "Answer",
    "Auth",
    "Basic",
    "Call",
    "ClientCredentials",
    "HttpClient",
    "HttpSettings",
    "Reason",
    "Request",
    "Tls",
    "TokenEndpoint",
    "refusal",
    "unreadable",
]
