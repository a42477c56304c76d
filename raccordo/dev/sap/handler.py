"""A request handler of mock-sap that meets faults: before its commit, after it, and on the connection itself."""

from __future__ import annotations

import importlib
import json
import socket
import time
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from raccordo.dev.sap.faults import BEFORE, Fault, Kind, Seen

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Mapping

    from raccordo.dev.sap.server import MockSap

CONTROL = "/_raccordo/"
SIGN_IN_PAGE = (
    '<html><body><form action="/login"><input type="password" name="sap-password"></form></body></html>'
)
GATEWAY_PAGE = "<html><body><h1>Bad Gateway</h1></body></html>"


def handler_for(sap: MockSap, plain: type[Any]) -> type[Any]:
    """Make the request handler class of one server from mock-sap's own."""
    return type("Handler", (_FaultyHandler, plain), {"answers": _Answers(sap), "seen": sap.requests})


class _FaultyHandler:
    """Goes in front of mock-sap's handler and decides what becomes of a request and of its answer."""

    answers: _Answers
    seen: deque[Seen]
    connection: socket.socket
    wfile: BinaryIO
    close_connection: bool
    path: str

    disable_nagle_algorithm = True
    fault: Fault | None = None

    def _route(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Any:
        self.fault = None
        if path.startswith(CONTROL):
            return self.answers.control(method, path.removeprefix(CONTROL), body)
        seen = Seen.of(method, path, query, headers, body)
        self.seen.append(seen)
        fault = self.answers.sap.faults.take(seen)
        if fault is not None and fault.kind in BEFORE:
            answer = self.answers.before(fault)
            if answer is not None:
                return answer
        else:
            self.fault = fault
        return cast("Any", super())._route(method, path, query, headers, body)  # noqa: SLF001 - mock-sap offers no other door

    def _send(self, response: Any, head_only: bool = False) -> None:
        fault, self.fault = self.fault, None
        if fault is not None and fault.kind is Kind.DROP:
            self._hang_up()
            return
        if fault is not None and fault.kind is Kind.CUT:
            response.headers["Content-Length"] = str(len(response.body))
            response.body = response.body[: len(response.body) // 2]
        elif fault is not None:
            response = self.answers.after(fault, response, self.path)
        cast("Any", super())._send(response, head_only)  # noqa: SLF001 - as above
        if fault is not None and fault.kind is Kind.CUT:
            self.wfile.flush()
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def handle(self) -> None:
        """A client that has gone in the middle is no news here."""
        self.answers.sap.connections.add(self.connection)
        try:
            cast("Any", super()).handle()
        except OSError:
            self.close_connection = True
        finally:
            self.answers.sap.connections.discard(self.connection)

    def finish(self) -> None:
        """As `handle`: what was not sent yet is for nobody."""
        try:
            cast("Any", super()).finish()
        except OSError:
            self.close_connection = True


class _Answers:
    """The answers that mock-sap itself would not give."""

    def __init__(self, sap: MockSap) -> None:
        self.sap = sap
        self._response: Any = importlib.import_module("mocksap.service").Response

    def control(self, method: str, what: str, body: bytes) -> Any:
        """Answer at our own door: faults come into force, are listed, go; tokens expire; the ledger is read."""
        sap, documents = self.sap, {}
        match (method, what):
            case ("POST", "faults"):
                try:
                    sap.faults.add(Fault.of(json.loads(body)))
                except ValueError as error:
                    return self._response(400, body={"error": str(error)})
            case ("DELETE", "faults"):
                sap.faults.clear()
            case ("POST", "expire-tokens"):
                sap.expire_tokens()
            case ("GET", "orders"):
                documents = {
                    name: [order.document for order in found] for name, found in sap.orders().items()
                }
            case ("GET", "faults"):
                pass
            case _:
                return self._response(404, body={"error": "there are: faults, expire-tokens, orders"})
        return self._response(body=documents if what == "orders" else {"faults": sap.faults.rules()})

    def before(self, fault: Fault) -> Any:
        """Answer without storing anything; None where the request goes on to mock-sap, perhaps later."""
        if fault.kind in (Kind.REFUSE, Kind.STATUS):
            extra = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            status = fault.status or (400 if fault.kind is Kind.REFUSE else 503)
            return self._response(status, headers=extra, body=_business_error(fault))
        if fault.kind is Kind.SIGN_IN:
            return self._response(200, body=SIGN_IN_PAGE, content_type="text/html; charset=utf-8")
        if fault.kind is Kind.REDIRECT:
            return self._response(fault.status or 302, headers={"Location": fault.message}, body=b"")
        if fault.kind is Kind.CSRF:
            self.sap.expire_tokens()
        time.sleep(fault.seconds)
        return None

    def after(self, fault: Fault, response: Any, address: str) -> Any:
        """Change the answer to what was stored already; `address` is what was asked for."""
        if fault.kind is Kind.SLOW:
            time.sleep(fault.seconds)
        elif fault.kind is Kind.GARBLE:
            response.body = response.body[: len(response.body) // 2]
        elif fault.kind is Kind.GATEWAY:
            return self._response(fault.status or 502, body=GATEWAY_PAGE, content_type="text/html")
        elif fault.kind is Kind.CIRCLE:
            page = json.loads(response.body)
            rows, name = (page["d"], "__next") if "d" in page else (page, "@odata.nextLink")
            rows[name] = fault.message or address
            response.body = json.dumps(page).encode()
            response.headers["Content-Length"] = str(len(response.body))
        elif fault.kind is Kind.MESSAGE:
            message = {"code": fault.code, "message": fault.message, "severity": fault.severity}
            response.headers["sap-message"] = json.dumps(message)
        return response


def _business_error(fault: Fault) -> dict[str, Any]:
    """Write a refusal as SAP Gateway does: the cause as a T100 code among the details."""
    text = fault.message or "Sales order cannot be created"
    return {
        "error": {
            "code": "/IWBEP/CX_MGW_BUSI_EXCEPTION",
            "message": {"lang": "en", "value": text},
            "innererror": {
                "transactionid": "0" * 32,
                "errordetails": [
                    {"code": fault.code, "message": text, "propertyref": "", "severity": "error"}
                ],
            },
        }
    }
