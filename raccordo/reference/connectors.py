"""The connectors as a page: what each can do, how its writes are made once, and what of an event it carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from raccordo.reference.markdown import code, page, plain, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raccordo.connector import Connector, Operation

HEAD: Final = """\
# Connectors

Written by `python -m raccordo.reference` from the connectors themselves; change their docstrings, not this page.
Their settings are in [settings.md](settings.md).

How a write is made once: *look* means that after a lost answer the system is asked by business key before anything is
sent again; *neither* means that a lost answer goes to a person.
"""


@runtime_checkable
class Carrier(Protocol):
    """A connector class that can say which fields of its events it carries."""

    def carried_fields(self) -> Sequence[tuple[str, str, str]]:
        """List (field by path, where it stands or "" for nowhere, under which condition or why not)."""
        ...


def connectors_page(kinds: Sequence[type[Connector[Any, Any]]]) -> str:
    """Write docs/reference/connectors.md."""
    return page(HEAD, *(_section(kind) for kind in kinds))


def _section(kind: type[Connector[Any, Any]]) -> str:
    name = kind.config_type.name
    return page(
        f"## {kind.__name__}",
        f"System `{name}`. {_first_line(kind.__doc__)}",
        table(
            ("operation", "made once by", "meaning"),
            ((code(one.name), _once(one), _first_line(one.__doc__)) for one in kind.operations.values()),
        ),
        _carried(kind),
    )


def _once(operation: Operation[Any, Any, Any]) -> str:
    if not operation.writes:
        return "(reads)"
    look = operation.look_function
    return operation.once if look is None else f"{operation.once}: {code(getattr(look, '__name__', ''))}"


def _carried(kind: Any) -> str:
    if not isinstance(kind, Carrier):
        return ""
    fields = kind.carried_fields()
    return page(
        "### Carried",
        table(
            ("field", "stands in", "only"),
            ((code(path), where, condition) for path, where, condition in fields if where),
        ),
        "### Not carried",
        "These fields stay in the event; the system has no place for them.",
        table(("field", "why"), ((code(path), why) for path, where, why in fields if not where)),
    )


def _first_line(text: str | None) -> str:
    return plain((text or "").strip().partition("\n")[0])
