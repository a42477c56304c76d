"""Run SAP's counterpart in a process of its own: prints ``{"url": …}`` as one line of JSON, then serves until told."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from raccordo.dev.sap.faults import Fault, Kind
from raccordo.dev.sap.server import MockSap
from raccordo.dev.state import ServiceError


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code: 2 for a start that failed."""
    options = _parser().parse_args(arguments)
    try:
        faults = _faults(options)
        sap = MockSap(
            options.db, port=options.port, faults=faults, basic_auth=options.auth, oauth=options.oauth
        )
    except (ServiceError, ValueError) as error:
        print(str(error), file=sys.stderr)  # noqa: T201 - a command
        return 2
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    with sap:
        print(json.dumps({"url": sap.url, "database": str(sap.database)}), flush=True)  # noqa: T201 - a command
        told.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m raccordo.dev.sap", description=__doc__)
    parser.add_argument("--db", type=Path, help="database file; without one the data end with the process")
    parser.add_argument("--port", type=int, default=0, help="port on loopback (default: a free one)")
    parser.add_argument("--auth", metavar="USER:PASSWORD", help="ask for basic authentication")
    parser.add_argument(
        "--oauth", metavar="ID:SECRET", help="ask for a bearer token of its own token endpoint"
    )
    parser.add_argument(
        "--lost", metavar="REGEX", help="orders of these ids are committed without an answer, once each"
    )
    parser.add_argument("--late", metavar="REGEX", help="orders of these ids are committed late, once each")
    parser.add_argument("--late-seconds", type=float, default=3.0, help="how late (default: 3)")
    parser.add_argument(
        "--refuse", metavar="REGEX", help="orders for these customers are refused before the commit"
    )
    parser.add_argument("--refuse-material", metavar="REGEX", help="orders with these materials are refused")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="JSON", help='any fault: {"kind": "drop", …}'
    )
    return parser


def _faults(options: argparse.Namespace) -> list[Fault]:
    faults = [Fault.of(json.loads(text)) for text in options.fault]
    if options.lost:
        faults.append(Fault(Kind.DROP, order_id=options.lost, times=0, once_each=True))
    if options.late:
        late = Fault(Kind.LATE, order_id=options.late, times=0, once_each=True, seconds=options.late_seconds)
        faults.append(late)
    if options.refuse:
        text = "Customer is blocked for sales"
        faults.append(Fault(Kind.REFUSE, customer=options.refuse, times=0, code="V1/302", message=text))
    if options.refuse_material:
        text = "Material is not maintained for this sales area"
        faults.append(
            Fault(Kind.REFUSE, material=options.refuse_material, times=0, code="V1/382", message=text)
        )
    return faults


if __name__ == "__main__":
    sys.exit(main())
