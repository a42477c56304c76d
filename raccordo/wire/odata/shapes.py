"""One shape for the answers of both versions: `Entity` and `Page`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raccordo.wire.http import Answer

JSON_TYPE = re.compile(r"application/(?:[a-z0-9.+-]*\+)?json")
SINGLE_KEY = re.compile(r"\((?:[A-Za-z_]\w*=)?'((?:[^']|'')*)'\)$")


class UnreadableShape(ValueError):
    """The body is not the JSON that OData promises."""


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity. Expanded collections are lists of dicts; links, metadata and annotations are left out.

    Decimals are strings (V2) or `Decimal` (V4): read them with `literals.decimal_of`. `key` is the single key that
    the answer's ``Location`` names, for a creation that was answered without a body.
    """

    fields: Mapping[str, Any]
    etag: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a collection; `next` is the link to the following one, as the server gave it."""

    entities: tuple[Entity, ...]
    next: str | None


def json_body(answer: Answer) -> dict[str, Any]:
    """Read an answer's JSON object.

    Raises:
        UnreadableShape: another content type, no strict JSON, or no object.
    """
    if answer.media_type and not JSON_TYPE.fullmatch(answer.media_type):
        raise UnreadableShape(f"is {answer.media_type[:60]}, not JSON")
    try:
        body = json.loads(answer.body, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise UnreadableShape("is not well-formed JSON") from error
    if not isinstance(body, dict):
        raise UnreadableShape("is not a JSON object")
    return body


def entity_of(body: Mapping[str, Any]) -> Entity:
    """Read a single entity of either version. Raises UnreadableShape where there is none."""
    inner = body.get("d", body)
    if isinstance(inner, dict) and isinstance(inner.get("results"), dict):
        inner = inner["results"]
    if not isinstance(inner, dict) or not any(not _is_annotation(name) for name in inner):
        raise UnreadableShape("holds no entity")
    return _entity(inner)


def page_of(body: Mapping[str, Any]) -> Page:
    """Read one page of either version. Raises UnreadableShape where there is none."""
    inner = body.get("d", body)
    wrapped = inner if isinstance(inner, dict) else {"results": inner}
    rows = wrapped.get("results", wrapped.get("value"))
    following = wrapped.get("__next") or wrapped.get("@odata.nextLink")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UnreadableShape("holds no collection")
    return Page(tuple(_entity(row) for row in rows), following if isinstance(following, str) else None)


def located_key(location: str) -> str | None:
    """Read the single string key from the address of a new entity; None if there is no such key."""
    found = SINGLE_KEY.search(unquote(location))
    return found[1].replace("''", "'") if found else None


def _entity(row: Mapping[str, Any]) -> Entity:
    metadata = row.get("__metadata")
    etag = metadata.get("etag") if isinstance(metadata, dict) else row.get("@odata.etag")
    return Entity(_fields(row), etag if isinstance(etag, str) else None)


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what is data: expanded collections as lists, links that were not expanded not at all."""
    fields: dict[str, Any] = {}
    for name, value in row.items():
        if _is_annotation(name) or (isinstance(value, dict) and "__deferred" in value):
            continue
        inner = (
            value["results"] if isinstance(value, dict) and isinstance(value.get("results"), list) else value
        )
        if isinstance(inner, list):
            fields[name] = [_fields(member) if isinstance(member, dict) else member for member in inner]
        else:
            fields[name] = _fields(inner) if isinstance(inner, dict) else inner
    return fields


def _is_annotation(name: str) -> bool:
    return "@" in name or name == "__metadata"


def _no_constant(name: str) -> NoReturn:
    message = f"{name} is not JSON"
    raise ValueError(message)
