"""`raccordo publish`: events from a JSON lines file onto their topic."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final

import typer

from raccordo import event_file
from raccordo.app import load_contracts
from raccordo.cli.exits import ExitCode
from raccordo.cli.groups import single
from raccordo.cli.options import HERE, AppDir, Json
from raccordo.cli.output import as_error, complain, note, progress, show, table
from raccordo.cli.services import broker, settings, tenant_of
from raccordo.errors import BrokerError, ConfigError
from raccordo.event_file import EventFile, Read
from raccordo.publishing import Unfinished, publish, require_topic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from raccordo.broker import Broker
    from raccordo.event import Contract, Event

SPOOLED: Final = 16 * 2**20
"""Bytes of standard input that are kept in memory; more goes into a temporary file."""

SHOWN: Final = 20
"""Bad lines that are shown to a person; JSON has all of them."""


def publish_events(
    what: Annotated[
        str, typer.Argument(metavar="TOPIC|CONTRACT", help="A topic, or the name of its contract.")
    ],
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="JSON lines; - is standard input.")],
    tenant: Annotated[
        str | None, typer.Option(metavar="NAME", help="Tenant of lines that name none.", show_default=False)
    ] = None,
    source: Annotated[
        str, typer.Option(metavar="URI", help="Source of lines that name none.")
    ] = event_file.SOURCE,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Publish the good lines although there are bad ones.")
    ] = False,
    patience: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Longest wait for an acknowledgement.")
    ] = 60.0,
    app_dir: AppDir = HERE,
    as_json: Json = False,
) -> None:
    """Publish events from a JSON lines file and wait until the broker has every one.

    A line is the data of an event, or {"id": ..., "tenant": ..., "source": ..., "data": {...}}. Without an id it gets
    one derived from tenant, source and data: publishing a file twice says everything twice and does nothing twice.

    The whole file is checked first, as its readers would; if a line is bad, nothing is published.
    """
    config = settings()
    contract = event_file.chosen(load_contracts(app_dir), what)
    with _opened(file) as opened:
        events = EventFile(
            opened, contract, tenants=config.tenants, tenant=tenant_of(config, tenant), source=source
        )
        good, bad = _checked(events)
        if bad and not skip_bad:
            _refuse(bad, as_json=as_json)
        published, failure = asyncio.run(
            _publish(broker(), contract, events, good, patience, as_json=as_json)
        )
    stopped = (
        None
        if failure is None
        else BrokerError(
            f"{failure.acknowledged} of {good} events are acknowledged, the others perhaps written. {failure.cause} "
            "Run the same command again: what arrived is a repeat and takes no effect"
        )
    )
    _tell(contract, published, good, bad, stopped, as_json=as_json)
    if stopped is not None or bad:
        raise typer.Exit(ExitCode.UNREACHABLE if stopped else ExitCode.WRONG)


app = single(
    publish_events,
    "raccordo publish ordini_creati orders.jsonl",
    "head -1 orders.jsonl | raccordo publish OrderCreated - --tenant acme --json",
)


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    """Open a file, or keep standard input so that it can be read twice."""
    if name == "-":
        with tempfile.SpooledTemporaryFile(SPOOLED) as kept:
            shutil.copyfileobj(sys.stdin.buffer, kept)
            yield kept  # type: ignore[misc]  # a binary file in all that is used
        return
    try:
        with open(name, "rb") as opened:  # noqa: PTH123 - a Path would turn "" into the folder
            yield opened
    except OSError as error:
        raise ConfigError(f"{name} cannot be read ({error.strerror or type(error).__name__})") from error


def _checked(events: EventFile) -> tuple[int, list[Read]]:
    """Go through the file once: how many lines are good, and which are bad."""
    good, bad = 0, []
    for line in events:
        if line.problems:
            bad.append(line)
        else:
            good += 1
    return good, bad


def _refuse(bad: Sequence[Read], *, as_json: bool) -> None:
    problems = _sentences(bad)
    if not as_json and len(problems) > SHOWN:
        problems = [*problems[:SHOWN], f"and {len(problems) - SHOWN} more"]
    code = ExitCode.USAGE
    complain("InvalidFile", problems, code, as_json=as_json)
    if not as_json:
        note("Nothing was published. Correct the lines, or publish the good ones with --skip-bad.")
    raise typer.Exit(code)


def _sentences(bad: Sequence[Read]) -> list[str]:
    return [f"line {line.line}: {path}: {message}" for line in bad for path, message in line.problems]


async def _publish(
    broker: Broker, contract: type[Contract], events: EventFile, total: int, patience: float, *, as_json: bool
) -> tuple[list[Event[Any]], Unfinished | None]:
    """Publish the good lines; what was acknowledged, and what stopped it."""
    admin = broker.admin()
    try:
        await require_topic(admin, contract.info.topic)
    finally:
        await admin.stop()
    acknowledged: list[Event[Any]] = []
    producer = broker.producer()
    await producer.start()
    failure = None
    try:
        with progress(as_json=as_json) as bar:
            task = bar.add_task(contract.info.topic, total=total)

            def told(event: Event[Any]) -> None:
                acknowledged.append(event)
                bar.advance(task)

            good = (line.event for line in events if line.event is not None)
            await publish(good, producer, patience=patience, acknowledged=told)
    except Unfinished as error:
        failure = error
    finally:
        try:
            await producer.stop()
        except BrokerError as error:
            failure = failure or Unfinished(len(acknowledged), error)
    return acknowledged, failure


def _tell(
    contract: type[Contract],
    published: Sequence[Event[Any]],
    good: int,
    bad: Sequence[Read],
    stopped: BrokerError | None,
    *,
    as_json: bool,
) -> None:
    info, distinct = contract.info, len({(event.tenant, event.id) for event in published})
    answer = {
        "topic": info.topic,
        "contract": info.type,
        "published": len(published),
        "distinct": distinct,
        "good": good,
        "bad": [
            {"line": line.line, "problems": [list(problem) for problem in line.problems]} for line in bad
        ],
        "events": [
            {"id": event.id, "tenant": event.tenant, "correlation_id": event.correlation_id}
            for event in published
        ],
    }
    if stopped is not None:
        answer |= as_error(stopped.code, [str(stopped)], ExitCode.UNREACHABLE)
    for sentence in [] if as_json else _sentences(bad)[:SHOWN]:
        note(f"skipped {sentence}")
    headings = ("topic", "published", "different events", "skipped", "look for one")
    row = (info.topic, len(published), distinct, len(bad), _business_key(published))
    show(answer, lambda: table(headings, [row]), as_json=as_json)
    if stopped is not None and not as_json:
        complain(stopped.code, [str(stopped)], ExitCode.UNREACHABLE, as_json=False)


def _business_key(published: Sequence[Event[Any]]) -> str:
    """How to find the last of these events."""
    keys = [value for event in published[-1:] for _, value in event.data.business_key_values()]
    return f"raccordo why {keys[0]}" if keys else ""
