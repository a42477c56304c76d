"""EDIFACT and X12 interchanges as nested dicts, enough to read the orders among the test documents."""

from __future__ import annotations

import re
from typing import Any

Segment = tuple[str, dict[str, Any]]

# What follows the first tag and belongs to it; None stands for everything up to the end of the lines.
_GROUPS = {"NAD": {"CTA", "COM", "LOC", "RFF", "FII"}, "N1": {"N2", "N3", "N4", "PER", "REF"}}
_LINES = {"LIN", "PO1"}
_IN_LINE = {"ALC": {"PCD", "MOA", "RTE"}}
_AFTER_LINES = {"UNS", "CTT", "SE"}


def edifact(text: str) -> dict[str, Any]:
    """Read the first message; elements are ``"1"``, components ``"1.2"``."""
    text = text.lstrip("\ufeff \r\n")
    marks = text[3:9] if text.startswith("UNA") else ":+.? '"
    component, element, decimal, release, terminator = marks[0], marks[1], marks[2], marks[3], marks[5]
    body = text[9:] if text.startswith("UNA") else text
    split = {
        mark: re.compile(rf"(?<!{re.escape(release)}){re.escape(mark)}")
        for mark in (component, element, terminator)
    }
    segments: list[Segment] = []
    for raw in split[terminator].split(body):
        tag, *elements = split[element].split(raw.strip("\r\n "))
        fields: dict[str, Any] = {}
        for position, each in enumerate(elements, 1):
            parts = [part.replace(release, "") for part in split[component].split(each)]
            fields[str(position)] = {str(at): part for at, part in enumerate(parts, 1) if part}
        segments.append((tag, fields))
    tree = _grouped(segments)
    tree["decimal mark"] = decimal
    return tree


def x12(text: str) -> dict[str, Any]:
    """Read the first transaction; elements are ``"01"``, ``"02"``."""
    text = text.lstrip("\ufeff \r\n")
    element, terminator = text[3], text[105]
    segments: list[Segment] = []
    for raw in text.split(terminator):
        tag, *elements = raw.strip("\r\n ").split(element)
        segments.append((tag, {f"{position:02}": each for position, each in enumerate(elements, 1) if each}))
    return _grouped(segments)


def _grouped(segments: list[Segment]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    line: dict[str, Any] | None = None
    group: dict[str, Any] | None = None
    members: set[str] = set()
    for tag, fields in segments:
        if tag in _AFTER_LINES:
            line = group = None
        if tag in _LINES:
            line, group = fields, None
            root.setdefault(tag, []).append(fields)
        elif group is not None and tag in members:
            group.setdefault(tag, []).append(fields)
        elif tag:
            (root if line is None else line).setdefault(tag, []).append(fields)
            members = (_GROUPS if line is None else _IN_LINE).get(tag, set())
            group = fields if members else None
    return root
