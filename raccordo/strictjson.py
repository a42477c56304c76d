"""JSON as RFC 8259 and I-JSON (RFC 7493) mean it; what two parsers could read differently is refused by path.

The standard scanner (C) says yes or no and makes the values; only a refused body is walked a second time, in
Python, to find the place. Both passes keep the same limits. Fractions become `Decimal`, so that 0.1 stays
0.1.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any, NoReturn

from raccordo.errors import Undecodable

MAX_BYTES = 1 << 20
"""Kafka's own default for the largest record, in bytes."""
MAX_DEPTH = 64
MAX_MEMBERS = 1000
"""Members of one object. A contract has fewer; each unknown one would cost an error of its own."""
MAX_PARTS = 100_000
"""Commas and opening brackets of one body. An order of 9,999 lines has fewer; a million empty objects would hold up
everybody else for seconds, because each is an error of its own.
"""
MAX_INTEGER = 2**53 - 1
"""I-JSON: beyond it a reader that keeps numbers as IEEE doubles (JavaScript, jq) reads another number."""
MAX_NUMBER_LENGTH = 40

_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORD = re.compile(r"-?[A-Za-z]+")
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_CONSTANTS = ("true", "false", "null")
_SHOWN = 40


def loads(body: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """Read a body as one strict JSON value.

    Raises Undecodable with the path (``$.lines[3].quantity``) for NaN and infinities, numbers out of range,
    duplicate names, nesting deeper than `max_depth`, lone surrogates, a byte order mark, invalid UTF-8,
    trailing data, an empty body or one longer than `max_bytes`.
    """
    if not body:
        raise Undecodable("the body is empty")
    if len(body) > max_bytes:
        raise Undecodable(f"the body has {len(body)} bytes, more than {max_bytes}")
    if body.startswith(b"\xef\xbb\xbf"):
        raise Undecodable("the body begins with a byte order mark")
    opened = body.count(b"[") + body.count(b"{")
    if opened + body.count(b",") > MAX_PARTS:
        raise Undecodable(f"the body has more than {MAX_PARTS} commas and opening brackets")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Undecodable(f"byte {error.start} is not valid UTF-8") from None
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        _Search(text, max_depth).run()
        raise Undecodable(f"the JSON scanner refuses the body: {type(error).__name__}") from error
    if (opened > max_depth and _deeper(value, max_depth)) or (
        b"\\u" in body and _SURROGATE_ESCAPE.search(body)
    ):
        _Search(text, max_depth).run()
    return value


def key_path(path: str, key: str) -> str:
    """Append the name of a member to a path; a name that is no plain word is quoted, and cut at 40."""
    if _PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}"
    shown = key if len(key) <= _SHOWN else f"{key[:_SHOWN]}…"
    return f"{path}[{json.dumps(shown)}]"


def _integer(literal: str) -> int:
    if len(literal) > MAX_NUMBER_LENGTH or abs(number := int(literal)) > MAX_INTEGER:
        raise ValueError("an integer beyond 2^53-1; larger numbers and identifiers travel as strings")
    return number


def _fraction(literal: str) -> Decimal:
    if len(literal) > MAX_NUMBER_LENGTH:
        raise ValueError(f"a number of more than {MAX_NUMBER_LENGTH} characters")
    number, double = Decimal(literal), float(literal)
    if math.isinf(double) or (double == 0) != (number == 0):
        raise ValueError("a number that no IEEE double can hold")
    return number


def _no_constant(literal: str) -> NoReturn:
    raise ValueError(f"{literal} is not JSON")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs) or len(pairs) > MAX_MEMBERS:
        raise ValueError("duplicate names or too many")
    return members


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members, parse_constant=_no_constant, parse_int=_integer, parse_float=_fraction
)


def _deeper(value: Any, max_depth: int) -> bool:
    """Say whether containers nest deeper than allowed, level by level instead of by recursion."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(max_depth):
        level = [
            child
            for container in level
            for child in (container.values() if type(container) is dict else container)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return bool(level)


class _Frame:
    """One open array or object on the way to the place that is being read."""

    __slots__ = ("index", "key", "keys")

    def __init__(self, *, is_object: bool) -> None:
        self.index = 0
        self.key: str | None = None
        self.keys: set[str] | None = set() if is_object else None


class _Search:
    """Walks a refused text without recursion up to its first violation, to raise it with its path."""

    def __init__(self, text: str, max_depth: int) -> None:
        self._text = text
        self._max_depth = max_depth
        self._position = 0
        self._frames: list[_Frame] = []

    def run(self) -> None:
        """Raise Undecodable at the first violation; return when there is none."""
        while True:
            self._skip_space()
            if self._value():
                continue
            while self._frames:
                if self._goes_on():
                    break
            else:
                break
        self._skip_space()
        if self._position < len(self._text):
            self._refuse("data after the end of the value")

    def _value(self) -> bool:
        """Consume a scalar, an empty container, or the opening of a container (True)."""
        character = self._peek()
        if character in "[{" and character:
            return self._open(is_object=character == "{")
        if character == '"':
            self._string("value")
        elif match := _NUMBER.match(self._text, self._position):
            self._position = match.end()
            try:
                (_fraction if match[1] or match[2] else _integer)(match[0])
            except ValueError as error:
                self._refuse(str(error))
        elif (match := _WORD.match(self._text, self._position)) and match[0] in _CONSTANTS:
            self._position = match.end()
        else:
            self._refuse(_what_is(match[0] if match else character))
        return False

    def _open(self, *, is_object: bool) -> bool:
        if len(self._frames) >= self._max_depth:
            self._refuse(f"nested deeper than {self._max_depth}")
        self._position += 1
        self._skip_space()
        if self._peek() == ("}" if is_object else "]"):
            self._position += 1
            return False
        self._frames.append(_Frame(is_object=is_object))
        if is_object:
            self._key()
        return True

    def _goes_on(self) -> bool:
        """Consume what follows a value inside a container: a comma (True) or the closing bracket."""
        frame = self._frames[-1]
        is_object = frame.keys is not None
        self._skip_space()
        character = self._peek()
        if character == ",":
            self._position += 1
            frame.index += 1
            if is_object:
                self._skip_space()
                self._key()
            return True
        if character != ("}" if is_object else "]"):
            self._refuse(f"expected a comma or the end of the {'object' if is_object else 'array'}")
        self._position += 1
        self._frames.pop()
        return False

    def _key(self) -> None:
        frame = self._frames[-1]
        frame.key = None
        key = self._string("name")
        assert frame.keys is not None
        duplicate = key in frame.keys
        frame.key = key
        frame.keys.add(key)
        if duplicate:
            self._refuse("a duplicate name")
        if len(frame.keys) > MAX_MEMBERS:
            self._refuse(f"more than {MAX_MEMBERS} names in one object")
        self._skip_space()
        if self._peek() != ":":
            self._refuse("expected a colon after the name")
        self._position += 1

    def _string(self, what: str) -> str:
        if self._peek() != '"':
            self._refuse(f"expected a {what} in double quotes")
        match = _STRING.match(self._text, self._position)
        if match is None:
            self._refuse("a string that is not closed, or has a raw control character or a bad escape")
        text: str = json.loads(match[0])
        if any("\ud800" <= character <= "\udfff" for character in text):
            self._refuse("a lone surrogate")
        self._position = match.end()
        return text

    def _peek(self) -> str:
        return self._text[self._position : self._position + 1]

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._position)
        assert match is not None
        self._position = match.end()

    def _refuse(self, message: str) -> NoReturn:
        path = "$"
        for frame in self._frames:
            if frame.keys is None:
                path = f"{path}[{frame.index}]"
            elif frame.key is not None:
                path = key_path(path, frame.key)
        raise Undecodable(f"{message} (character {self._position})", path=path)


def _what_is(token: str) -> str:
    if not token:
        return "the body ends where a value was expected"
    if token.lstrip("-") in ("NaN", "Infinity"):
        return f"{token} is not JSON"
    return "expected a value"
