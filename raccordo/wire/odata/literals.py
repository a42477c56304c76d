"""Values and addresses as OData writes them: in keys and filters, in JSON, in both versions."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal, InvalidOperation
from enum import IntEnum
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Mapping

Value: TypeAlias = str | bool | int | Decimal | date | datetime | time | UUID | None
"""What stands in a key, a filter or a field. Floats are not among it: amounts are exact."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
V2_DATE = re.compile(r"/Date\((-?\d{1,17})([+-]\d{1,4})?\)/")
V2_TIME = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?")
LARGEST_EXPONENT = 400


class Version(IntEnum):
    """The OData version of a service."""

    V2 = 2
    V4 = 4


def literal(value: Value, version: Version) -> str:  # noqa: PLR0911 - one return a type
    """Write a value for a key or a filter, not yet percent-encoded."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case Decimal():
            return f"{value:f}" + ("M" if version is Version.V2 else "")
        case UUID():
            return f"guid'{value}'" if version is Version.V2 else str(value)
        case datetime():
            moment = _utc(value).isoformat().replace("+00:00", "Z")
            return f"datetimeoffset'{moment}'" if version is Version.V2 else moment
        case date():
            return f"datetime'{value.isoformat()}T00:00:00'" if version is Version.V2 else value.isoformat()
        case time():
            return f"time'{_duration(value)}'" if version is Version.V2 else value.isoformat()
        case _:
            return str(value)


def key_predicate(keys: Mapping[str, Value], version: Version) -> str:
    """Write ``('1')`` or ``(A='1',B=2)``, not yet percent-encoded."""
    if len(keys) == 1:
        return f"({literal(next(iter(keys.values())), version)})"
    return "(" + ",".join(f"{name}={literal(value, version)}" for name, value in keys.items()) + ")"


def all_equal(terms: Mapping[str, Value], version: Version) -> str:
    """Write a filter under which every named field has its value."""
    return " and ".join(f"{name} eq {literal(value, version)}" for name, value in terms.items())


def path_segment(text: str) -> str:
    """Percent-encode one segment of a path; parentheses, quotes and blanks too, which some servers demand."""
    return quote(text, safe="")


def query_string(parameters: Mapping[str, str]) -> str:
    """Join query options, percent-encoded; the ``$`` of the system options stays as it is."""
    return "&".join(f"{quote(name, safe='$-')}={quote(value, safe='')}" for name, value in parameters.items())


def to_json(value: object, version: Version) -> str:  # noqa: PLR0911 - one return a type
    """Write a JSON body: exact decimals (strings in V2, numbers in V4), dates as the version has them."""
    match value:
        case dict():
            members = (
                f"{json.dumps(str(name))}:{to_json(member, version)}" for name, member in value.items()
            )
            return "{" + ",".join(members) + "}"
        case list() | tuple():
            return "[" + ",".join(to_json(member, version) for member in value) + "]"
        case None | bool() | str() | int():
            return json.dumps(value)
        case Decimal():
            return f'"{value:f}"' if version is Version.V2 else f"{value:f}"
        case datetime() if version is Version.V2:
            return f'"/Date({_milliseconds(value)}+0000)/"'
        case datetime():
            return json.dumps(_utc(value).isoformat().replace("+00:00", "Z"))
        case date() if version is Version.V2:
            return f'"/Date({_milliseconds(datetime(value.year, value.month, value.day, tzinfo=UTC))})/"'
        case time():
            return json.dumps(_duration(value) if version is Version.V2 else value.isoformat())
        case date() | UUID():
            return json.dumps(str(value))
        case _:
            message = f"{type(value).__name__} has no place in an OData body"
            raise TypeError(message)


def decimal_of(value: object) -> Decimal | None:
    """Read a number from V2 (a string) or V4 (a number); None if it is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    # A number whose exponent has no end would fill the memory as soon as somebody prints it.
    return number if number.is_finite() and abs(number.adjusted()) < LARGEST_EXPONENT else None


def moment_of(value: object) -> datetime | None:
    """Read a point in time from ``/Date(ms+offset)/`` or ISO 8601; without an offset it counts as UTC."""
    if not isinstance(value, str):
        return None
    try:
        if (found := V2_DATE.fullmatch(value)) is not None:
            offset = timezone(timedelta(minutes=int(found[2] or 0)))
            return (EPOCH + timedelta(milliseconds=int(found[1]))).astimezone(offset)
        moment = datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def time_of(value: object) -> time | None:
    """Read a time of day from ``PT11H30M00S`` (V2) or ``11:30:00`` (V4)."""
    if not isinstance(value, str):
        return None
    found = V2_TIME.fullmatch(value)
    try:
        if found is None:
            return time.fromisoformat(value)
        hour, minute, second = (int(part or 0) for part in found.groups())
        return time(hour, minute, second)
    except ValueError:
        return None


def _milliseconds(moment: datetime) -> int:
    return math.floor((_utc(moment) - EPOCH) / timedelta(milliseconds=1))


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _duration(moment: time) -> str:
    return f"PT{moment.hour:02}H{moment.minute:02}M{moment.second:02}S"
