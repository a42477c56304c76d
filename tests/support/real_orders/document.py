"""A third-party document that remembers what was read of it, so that what found no place can be listed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

# The envelope speaks of the transfer, and not of the order.
_ENVELOPE = re.compile(r"\.(IDOC\.EDI_DC40|U[NC][AHBTZGES]|ISA|GS|ST|SE|GE|IEA|CTT|CNT)\b")
_INDEX = re.compile(r"\[\d+\]")
_STEP = re.compile(r"([^.\[\]]+)(?:\[(\d+)\])?")


class View:
    """A place in a nested document of dicts, lists and scalars; `taken` is shared by all views of one document."""

    def __init__(self, node: Any, path: str = "", taken: set[str] | None = None) -> None:
        self._node = node
        self._path = path
        self._taken: set[str] = set() if taken is None else taken

    def text(self, path: str) -> str | None:
        """Take the scalar at a path as text; None where there is none or it is blank."""
        node, where = self._find(path)
        if node is None or isinstance(node, (dict, list)):
            return None
        self._taken.add(where)
        return re.sub(r"\s+", " ", str(node)).strip() or None

    def need(self, path: str) -> str:
        """Take the scalar at a path, which has to be there."""
        found = self.text(path)
        assert found is not None, f"{self._path}.{path} is missing"
        return found

    def has(self, path: str) -> bool:
        """Say whether there is something at a path."""
        return self._find(path)[0] not in (None, "", [], {})

    def each(self, path: str) -> Iterator[View]:
        """Look at every element of the list at a path; a single object counts as a list of one."""
        steps, _, last = path.rpartition(".")
        parent, where = self._find(steps) if steps else (self._node, self._path)
        children = parent.get(last) if isinstance(parent, dict) else None
        for index, child in enumerate(children if isinstance(children, list) else [children]):
            if child is not None:
                yield View(child, f"{where}.{last}[{index}]", self._taken)

    def at(self, path: str) -> View:
        """Look at the object at a path; an empty view where there is none."""
        node, where = self._find(path)
        return View(node, where, self._taken)

    def left(self) -> list[str]:
        """List the paths of all scalars that nobody took, without indexes and envelopes, each once."""
        paths = (_INDEX.sub("", path) for path in _leaves(self._node, "") if path not in self._taken)
        return sorted({path.lstrip(".").removesuffix(".#") for path in paths if not _ENVELOPE.match(path)})

    def _find(self, path: str) -> tuple[Any, str]:
        node, where = self._node, self._path
        for name, index in _STEP.findall(path):
            if not isinstance(node, dict) or name not in node:
                return None, where
            node, where = node[name], f"{where}.{name}"
            if isinstance(node, list):
                at = int(index or 0)
                node = node[at] if at < len(node) else None
                where = f"{where}[{at}]"
        return node, where


def of_xml(element: Element) -> dict[str, Any]:
    """Make a nested dict of an XML element: children by local name as lists, attributes as ``@name``."""
    node: dict[str, Any] = {f"@{name.rpartition('}')[2]}": value for name, value in element.attrib.items()}
    for child in element:
        node.setdefault(child.tag.rpartition("}")[2], []).append(of_xml(child))
    if len(element) == 0 and (element.text or "").strip():
        node["#"] = element.text
    return node


def _leaves(node: Any, path: str) -> Iterator[str]:
    if isinstance(node, dict):
        for name, child in node.items():
            yield from _leaves(child, f"{path}.{name}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from _leaves(child, f"{path}[{index}]")
    elif node is not None and str(node).strip():
        yield path
