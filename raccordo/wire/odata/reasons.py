"""Why SAP refused: error bodies of both versions in JSON and XML, and messages beside a success."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from lxml import etree

from raccordo.wire.http import Reason
from raccordo.wire.odata.shapes import UnreadableShape, json_body
from raccordo.wire.odata.xml import UnsafeXml, parse_xml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from raccordo.wire.http import Answer

OUTDATED_REQUEST = "/IWBEP/CM_COS/005"
"""Message CM_COS 005: the request was executed before, and its result is no longer kept."""

GENERIC = re.compile(r"/CX_|^SY/530$|^[0-9A-F]{32}$|^$")
"""Codes that name an exception class of Gateway instead of the cause."""

SEVERE_NUMBER = "4"
DETAILS_KEPT = 10


def reason_of(answer: Answer) -> Reason | None:
    """Read the error that a body holds, whatever its status, version and format; None if it holds none."""
    if "xml" in answer.media_type:
        return _from_xml(answer.body)
    try:
        error = json_body(answer).get("error")
    except UnreadableShape:
        return None
    return _from_json(error) if isinstance(error, dict) else None


def severe_message(answer: Answer, fields: Mapping[str, Any] | None) -> Reason | None:
    """Return the first message of severity error that came beside a success.

    They stand in the header ``sap-message`` (one JSON object, further ones in its ``details``), in V4 also in
    the entity's ``SAP__Messages``.
    """
    for message in _messages(answer.headers.get("sap-message", ""), fields or {}):
        if _is_severe(message):
            return Reason(_text(message.get("code")), _text(message.get("message")))
    return None


def is_outdated(reason: Reason | None) -> bool:
    """Tell whether SAP says that it has executed this request before and forgotten the result."""
    return reason is not None and OUTDATED_REQUEST in (reason.code, *reason.codes)


def _from_json(error: Mapping[str, Any]) -> Reason:
    message = error.get("message")
    if isinstance(message, dict):
        message = message.get("value")
    inner = error.get("innererror")
    listed = inner.get("errordetails") if isinstance(inner, dict) else None
    details = [row for row in (listed or error.get("details") or ()) if isinstance(row, dict)]
    return _reason(_text(error.get("code")), _text(message), details)


def _from_xml(body: bytes) -> Reason | None:
    try:
        root = parse_xml(body)
    except UnsafeXml:
        return None
    if etree.QName(root).localname != "error":
        return None
    details = [
        {etree.QName(field).localname: field.text for field in row} for row in root.iter("{*}errordetail")
    ]
    return _reason(_text(root.findtext("{*}code")), _text(root.findtext("{*}message")), details)


def _reason(code: str, message: str, details: list[dict[str, Any]]) -> Reason:
    """Lead with the code of the first detail where the outer one only names an exception class.

    Gateway wraps a business error (T100 class and number, V1/302) in ``/IWBEP/CX_MGW_BUSI_EXCEPTION``.
    """
    severe = [row for row in details if _text(row.get("severity")) in ("", "error")]
    codes = tuple(dict.fromkeys(_text(row.get("code")) for row in severe if row.get("code")))
    if GENERIC.search(code):
        code = next((inner for inner in codes if not GENERIC.search(inner)), code)
    texts = tuple(_text(row.get("message")) for row in severe[:DETAILS_KEPT])
    return Reason(code, message, texts, codes)


def _messages(header: str, fields: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    try:
        first = json.loads(header) if header else None
    except (ValueError, RecursionError):
        first = None
    for message in (first, *(fields.get("SAP__Messages") or ())):
        if isinstance(message, dict):
            yield message
            yield from (row for row in message.get("details") or () if isinstance(row, dict))


def _is_severe(message: Mapping[str, Any]) -> bool:
    if _text(message.get("severity")).lower() in ("error", "abort"):
        return True
    number = message.get("numericSeverity", message.get("@Common.numericSeverity"))
    return _text(number) == SEVERE_NUMBER


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else "" if value is None else str(value)
