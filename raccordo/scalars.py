"""Scalars that contracts are built of, strict and of one spelling: decimals, instants, days, texts.

Plain `Decimal` and `datetime` of pydantic accept numbers, exponents and several spellings of one value. These
accept one form on the wire and normalise it, so that equal facts have equal bytes (see
`raccordo.codec.canonical`). In Python a decimal is given as Decimal, int or str, a time with its zone.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from pydantic import AfterValidator, StringConstraints
from pydantic_core import core_schema

from raccordo.envelope import instant, instant_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler


INTEGER_DIGITS = 15
FRACTION_DIGITS = 6
_DECIMAL = rf"(0|[1-9][0-9]{{0,{INTEGER_DIGITS - 1}}})(\.[0-9]{{1,{FRACTION_DIGITS}}})?$"
_SIGNED = re.compile(f"^-?{_DECIMAL}")
_UNSIGNED = re.compile(f"^{_DECIMAL}")
_INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_IDENTIFIER = r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$"
_LINE = r"^[^\x00-\x1f\x7f]*$"
_LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"


class _TextOnWire:
    """Annotation: a JSON string of a pattern, and the call that turns it into a Python value."""

    def __init__(
        self,
        pattern: str,
        *,
        max_length: int,
        from_text: Callable[[str], Any],
        from_python: Callable[[Any], Any],
        to_text: Callable[[Any], str] | None = None,
    ) -> None:
        self._text = core_schema.str_schema(pattern=pattern, max_length=max_length, strict=True)
        self._from_text = from_text
        self._from_python = from_python
        self._to_text = (
            core_schema.to_string_ser_schema(when_used="json")
            if to_text is None
            else core_schema.plain_serializer_function_ser_schema(to_text, when_used="json")
        )

    def __get_pydantic_core_schema__(
        self, _source: Any, _handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(self._from_text, self._text),
            python_schema=core_schema.no_info_plain_validator_function(self._from_python),
            serialization=self._to_text,
        )


def _exact(text: str) -> Decimal:
    """Read a decimal of the pattern without zeros at its end; minus zero is zero."""
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return Decimal("0" if text == "-0" else text)


def _positive(text: str) -> Decimal:
    number = _exact(text)
    if not number:
        raise ValueError("must be more than zero")
    return number


def _exact_from(
    pattern: re.Pattern[str], read: Callable[[str], Decimal] = _exact
) -> Callable[[Any], Decimal]:
    def from_python(value: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, (Decimal, int, str)):
            raise ValueError("must be a Decimal, an int or a decimal string")  # noqa: TRY004 - for pydantic
        try:
            number = Decimal(value)
            text = format(number, "f") if number.is_finite() else ""
        except InvalidOperation:
            text = ""
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        if not pattern.match(text):
            raise ValueError(f"must match {pattern.pattern}")
        return read(text)

    return from_python


def _instant_from_python(value: Any) -> datetime:
    if isinstance(value, str):
        return instant(value)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("must be a datetime with its zone")
    return instant(value.isoformat())


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("is no day that exists, written as 2026-01-31") from None


def _day_from_python(value: Any) -> date:
    if isinstance(value, str):
        return _day(value)
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError("must be a date without a time")  # noqa: TRY004 - pydantic collects it
    return value


_MAX_DECIMAL = INTEGER_DIGITS + FRACTION_DIGITS + 2

Exact = Annotated[
    Decimal,
    _TextOnWire(_SIGNED.pattern, max_length=_MAX_DECIMAL, from_text=_exact, from_python=_exact_from(_SIGNED)),
]
"""A decimal string such as ``"-12.50"``, of at most 15 digits before and 6 after the point.

15 digits hold every amount of SAP, Dynamics and the EDI standards; 6 hold their unit prices and exchange
rates.
"""

Unsigned = Annotated[
    Decimal,
    _TextOnWire(
        _UNSIGNED.pattern, max_length=_MAX_DECIMAL, from_text=_exact, from_python=_exact_from(_UNSIGNED)
    ),
]
"""An `Exact` that is not negative."""

Positive = Annotated[
    Decimal,
    _TextOnWire(
        _UNSIGNED.pattern,
        max_length=_MAX_DECIMAL,
        from_text=_positive,
        from_python=_exact_from(_UNSIGNED, _positive),
    ),
]
"""An `Exact` that is more than zero."""

Instant = Annotated[
    datetime,
    _TextOnWire(
        _INSTANT, max_length=35, from_text=instant, from_python=_instant_from_python, to_text=instant_text
    ),
]
"""An RFC 3339 date and time with offset; kept and written in UTC."""

Day = Annotated[date, _TextOnWire(_DAY, max_length=10, from_text=_day, from_python=_day_from_python)]
"""A calendar day (RFC 3339 full-date) of the place that the field speaks of; it has no zone."""

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_IDENTIFIER)]
"""A number or name that somebody issued: leading zeros kept, no space at its ends, no control characters."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=_LINE)]
"""One line of text."""

LongText = Annotated[str, StringConstraints(min_length=1, max_length=5000, pattern=_LINES)]
"""Text that may have several lines."""


class AttributeMap(dict[str, str]):
    """A map that cannot be changed: it can be hashed, so one empty map serves all models as their default."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def _refuse(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise TypeError("the attributes of a fact cannot be changed")

    if not TYPE_CHECKING:  # each has a signature of its own, and none of them is kept
        __setitem__ = __delitem__ = __ior__ = _refuse
        clear = pop = popitem = setdefault = update = _refuse

    def __copy__(self) -> AttributeMap:
        return self

    def __deepcopy__(self, _memo: Any) -> AttributeMap:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return AttributeMap, (dict(self),)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: Any, _handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.dict_schema(core_schema.str_schema(), core_schema.str_schema())


def _sorted(attributes: dict[str, str]) -> AttributeMap:
    return AttributeMap(sorted(attributes.items()))


Attributes = Annotated[dict[Identifier, LongText], AfterValidator(_sorted)]
"""A map of names to texts, kept in the order of its names so that equal maps have equal bytes."""

NO_ATTRIBUTES = AttributeMap()
"""The default of a field of attributes."""
