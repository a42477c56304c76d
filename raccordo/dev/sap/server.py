"""mock-sap in this process, with faults that act on the content of a request, before and after its commit."""

from __future__ import annotations

import importlib
import socket
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

from raccordo.dev.sap.faults import Fault, FaultPlan, Kind, Seen
from raccordo.dev.sap.handler import handler_for
from raccordo.dev.sap.ledger import BookedOrder, booked, booked_in_order, draw_baseline
from raccordo.dev.state import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable

REQUESTS_KEPT = 10_000

V4_ROOT = "/sap/opu/odata4/sap/api_salesorder/srvd_a2x/sap/api_salesorder/0001"
ABSENT = (
    "buyer_reference",
    "office",
    "group",
    "complete",
    "incoterm_place",
    "item.texts",
    "item.gtin",
)
"""Roles of SAP's published service for which mock-sap has no field."""


def settings_for(url: str, preset: str = "v2") -> dict[str, Any]:
    """Return the settings with which the SAP connector works against mock-sap, by field name.

    mock-sap has a third of the published fields, and gives its V4 service the names of V2: that is said here, so that
    the presets can follow SAP.
    """
    fields = dict.fromkeys(ABSENT, "") | {"item.plant": "Plant"}
    own: dict[str, Any] = {}
    if preset == "v4":
        fields |= {
            "items": "to_Item",
            "partners": "to_Partner",
            "texts": "to_Text",
            "item.material": "Material",
            "item.unit": "RequestedQuantityUnit",
            "item.prices": "to_PricingElement",
            "price.amount": "ConditionRateValue",
            "price.unit": "ConditionQuantityUnit",
            "placed_on": "",  # timestamps there, dates in SAP's V4
            "deliver_on": "",
            "item.deliver_on": "",
        }
        own = {"service": V4_ROOT, "unece_units": False}
    return {
        "url": url,
        "client": "100",
        "preset": preset,
        "sales_organisation": "1710",
        "distribution_channel": "10",
        "division": "00",
        "fields": fields,
        **own,
    }


class MockSap:
    """A running mock-sap. `database` keeps its data over restarts; without one they end with it.

    `config` goes to ``mocksap.Config``: ``basic_auth="u:p"``, ``oauth="id:secret"``, ``token_ttl``, ``csrf``…
    Control over HTTP: ``POST/GET/DELETE /_raccordo/faults``, ``POST /_raccordo/expire-tokens``,
    ``GET /_raccordo/orders``.
    """

    def __init__(
        self, database: Path | None = None, *, port: int = 0, faults: Iterable[Fault] = (), **config: Any
    ) -> None:
        try:
            mocksap: Any = importlib.import_module("mocksap")
        except ImportError as error:
            raise ServiceError(
                "SAP's counterpart needs the package mock-sap. Run `pip install 'raccordo[dev]'`."
            ) from error
        self._scratch = TemporaryDirectory(prefix="raccordo-sap-") if database is None else None
        self.database = database or Path(self._scratch.name if self._scratch else "") / "sap.db"
        self.database.parent.mkdir(parents=True, exist_ok=True)
        self.faults = FaultPlan(faults)
        self.connections: set[socket.socket] = set()
        self.requests: deque[Seen] = deque(maxlen=REQUESTS_KEPT)
        settings = {"quiet": True, "log_requests": False, "require_if_match": True} | config
        try:
            self._server = mocksap.make_server(
                mocksap.Config(port=port, db_path=str(self.database), **settings)
            )
        except OSError as error:
            raise ServiceError(
                f"SAP's counterpart cannot listen on port {port} ({error.strerror})."
            ) from error
        # Nothing that this store holds is worth a disk flush: it survives a kill, and a power cut ends a test anyway.
        self._server.mock.conn.execute("PRAGMA synchronous=OFF")
        draw_baseline(self._server.mock.conn)
        self._server.RequestHandlerClass = handler_for(self, self._server.RequestHandlerClass)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="mock-sap", daemon=True
        )
        self._stopped = False

    @property
    def url(self) -> str:
        """Its address on loopback."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> Self:
        """Serve from now on."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving. The database file stays, unless it was nobody's."""
        if self._stopped:
            return
        self._stopped = True
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        for connection in list(
            self.connections
        ):  # else a client goes on talking to a server that has stopped
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        with self._server.mock.lock:
            self._server.mock.close()
        if self._scratch is not None:
            self._scratch.cleanup()

    def fail(self, kind: Kind | str, **members: Any) -> None:
        """Put a fault in force; `members` are the fields of `Fault`."""
        self.faults.add(Fault.of({"kind": kind, **members}))

    def expire_tokens(self) -> None:
        """Let every CSRF token expire."""
        self._server.mock.tokens.clear()

    def revoke_sign_ins(self) -> None:
        """Let every OAuth token end before its time."""
        if self._server.mock.oauth is not None:
            with self._server.mock.lock:
                self._server.mock.oauth.revoke_all()

    def orders(self) -> dict[str, list[BookedOrder]]:
        """Return what is booked, by order id, from the store itself."""
        return booked(self.database)

    def in_order(self) -> list[BookedOrder]:
        """Return what is booked in order of creation, from the store itself."""
        return booked_in_order(self.database)

    def settings(self, preset: str = "v2") -> dict[str, Any]:
        """Return the SAP connector's settings for this server."""
        return settings_for(self.url, preset)

    def writes(self) -> list[Seen]:
        """Return the requests that meant to change something."""
        return [seen for seen in self.requests if seen.method not in ("GET", "HEAD", "OPTIONS")]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
