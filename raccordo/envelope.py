"""The CloudEvents 1.0 envelope in Kafka's binary binding: which headers are ours, and what they may hold.

Reserved headers are written once by `write` and read once by `read`. Every other header is foreign: it is
neither read nor copied on. A foreign header that only looks reserved (``CE_ID``, ``ce-id``, a Cyrillic
letter) is refused, because a proxy, a log or a person would take it for the real one.

``ce_subject`` and ``ce_dataschema`` are written for other readers and not believed when read: what they say
follows from the body and from ``ce_type``, and one truth is enough.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from raccordo.errors import Undecodable

if TYPE_CHECKING:
    from raccordo.broker import Headers
    from raccordo.event import Event

SPEC_VERSION = "1.0"
JSON_TYPE = "application/json"
MAX_HEADERS = 1000
MAX_HEADER_BYTES = 64 * 1024

# Longest value of each reserved header, in bytes. An id has to fit the ledger's and the ERP's columns.
_LIMITS = {
    "ce_specversion": 8,
    "ce_id": 200,
    "ce_source": 512,
    "ce_type": 200,
    "ce_time": 40,
    "ce_subject": 512,
    "ce_dataschema": 512,
    "ce_correlationid": 200,
    "ce_causationid": 200,
    "ce_tenant": 64,
    "traceparent": 55,
    "content-type": 100,
}
_REQUIRED = ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
# Letters of other alphabets that look like those in the reserved names.
_LOOK_ALIKES = str.maketrans("асеіјорурѕтԁпνοιτрѵαϲ-. \u00a0", "aceijopypstdnvoitpvac____")


class Envelope(NamedTuple):
    """What the reserved headers of one record say. `tenant` and `correlation_id` are None when absent."""

    id: str
    source: str
    type: str
    time: datetime
    tenant: str | None
    correlation_id: str | None
    causation_id: str | None
    traceparent: str | None


def write(event: Event[Any]) -> Headers:
    """Write the headers of an event, always the same bytes in the same order.

    Raises Undecodable for what `read` would refuse: nothing is published that nobody can read.
    """
    info = event.data.info
    texts = [
        ("ce_specversion", SPEC_VERSION),
        ("ce_id", event.id),
        ("ce_source", event.source),
        ("ce_type", info.type),
        ("ce_time", instant_text(event.time)),
        ("ce_subject", str(getattr(event.data, info.key))),
        ("ce_dataschema", info.dataschema),
        ("ce_correlationid", event.correlation_id),
        ("ce_causationid", event.causation_id),
        ("ce_tenant", event.tenant),
        ("traceparent", event.traceparent),
        ("content-type", JSON_TYPE),
    ]
    headers = tuple((name, text.encode("utf-8", "surrogatepass")) for name, text in texts if text is not None)
    for name, value in headers:
        if not value:
            raise _refusal(name, "is empty")
        _text(name, value, _LIMITS[name])
    return headers


def read(headers: Headers) -> Envelope:
    """Read and check the reserved headers; raises Undecodable that names the header.

    A reserved header that is missing, repeated, too long, not UTF-8 or holds control characters is refused. A
    ``traceparent`` of another form is dropped, as W3C Trace Context asks: a bad trace must not cost an order.
    """
    texts = _reserved(headers)
    for name in _REQUIRED:
        if not texts.get(name):
            raise _refusal(name, "is missing" if name not in texts else "is empty")
    if texts["ce_specversion"] != SPEC_VERSION:
        raise _refusal("ce_specversion", f"must be {SPEC_VERSION}")
    _check_content_type(texts.get("content-type", JSON_TYPE))
    try:
        time = instant(texts["ce_time"])
    except ValueError as error:
        raise _refusal("ce_time", str(error)) from None
    trace = texts.get("traceparent", "")
    return Envelope(
        id=texts["ce_id"],
        source=texts["ce_source"],
        type=texts["ce_type"],
        time=time,
        tenant=texts.get("ce_tenant"),
        correlation_id=texts.get("ce_correlationid") or None,
        causation_id=texts.get("ce_causationid") or None,
        traceparent=trace if _TRACEPARENT.fullmatch(trace) else None,
    )


def instant(text: str) -> datetime:
    """Read an RFC 3339 date-time with offset as UTC, to the microsecond. Raises ValueError."""
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise ValueError("must be an RFC 3339 date and time with offset, such as 2026-01-31T08:15:00Z")
    day, clock, fraction, offset = match.groups()
    try:
        return datetime.fromisoformat(
            f"{day}T{clock}.{(fraction or '0')[:6]:0<6}{'+00:00' if offset in 'Zz' else offset}"
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is no date and time that exists") from None


def instant_text(time: datetime) -> str:
    """Write a time as RFC 3339 in UTC with Z; microseconds only where there are any."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _reserved(headers: Headers) -> dict[str, str]:
    if len(headers) > MAX_HEADERS:
        raise Undecodable(f"{len(headers)} headers, more than {MAX_HEADERS}", path="headers")
    texts: dict[str, str] = {}
    size = 0
    for name, value in headers:
        size += len(name) + len(value or b"")
        limit = _LIMITS.get(name)
        if limit is None:
            reserved = _imitated(name)
            if reserved:
                raise _refusal(name, f"looks like {reserved}, but is not; write {reserved}")
            continue
        if name in texts:
            raise _refusal(name, "is there twice")
        texts[name] = _text(name, value, limit)
    if size > MAX_HEADER_BYTES:
        raise Undecodable(f"headers of {size} bytes, more than {MAX_HEADER_BYTES}", path="headers")
    return texts


def _text(name: str, value: bytes | None, limit: int) -> str:
    if value is None:
        raise _refusal(name, "has no value")
    if len(value) > limit:
        raise _refusal(name, f"has {len(value)} bytes, more than {limit}")
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise _refusal(name, "is not valid UTF-8") from None
    if _CONTROL.search(text):
        raise _refusal(name, "contains a control character or line break")
    return text


def _check_content_type(value: str) -> None:
    kind, _, parameters = value.partition(";")
    kind = kind.strip().lower()
    if kind.startswith("application/cloudevents"):
        raise _refusal(
            "content-type", "announces structured mode; only the binary mode (ce_ headers) is read"
        )
    charset = parameters.replace(" ", "").replace('"', "").lower()
    if kind != JSON_TYPE or charset not in ("", "charset=utf-8"):
        raise _refusal("content-type", f"must be {JSON_TYPE}")


@lru_cache(maxsize=1024)
def _imitated(name: str) -> str | None:
    """Say which reserved header a foreign one imitates, if any."""
    letters = (
        c for c in unicodedata.normalize("NFKC", name[:200]) if unicodedata.category(c) not in ("Cf", "Cc")
    )
    skeleton = "".join(letters).strip().casefold().translate(_LOOK_ALIKES)
    return _SKELETONS.get(skeleton)


_SKELETONS = {name.replace("-", "_"): name for name in _LIMITS}


def _refusal(name: str, message: str) -> Undecodable:
    shown = name if name.isascii() and name.isprintable() else ascii(name)
    return Undecodable(message, path=f"header {shown[:80]}")
