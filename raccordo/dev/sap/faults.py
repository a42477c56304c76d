"""What goes wrong on purpose: rules that match requests by their content and act before or after the commit."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Kind(StrEnum):
    """What a fault does. *Before* means that nothing is stored; *after* means that it is."""

    REFUSE = "refuse"
    """Before: 400 with a business error of `code` and `message`."""
    STATUS = "status"
    """Before: `status`, with `retry_after` where given."""
    LATE = "late"
    """Wait `seconds`, then execute and answer: to a client that has given up it is committed too late."""
    DROP = "drop"
    """After: the connection is closed without an answer."""
    CUT = "cut"
    """After: the answer's headers and half of its body, then the connection is closed."""
    GARBLE = "garble"
    """After: half of the body, as if it were all of it."""
    GATEWAY = "gateway"
    """After: a page in HTML with `status` (default 502)."""
    SLOW = "slow"
    """After: the answer comes `seconds` late."""
    MESSAGE = "message"
    """After: the usual answer with a ``sap-message`` of `severity`."""
    CIRCLE = "circle"
    """After: the list names itself, or the address in `message`, as its next page."""
    SIGN_IN = "sign-in"
    """Before: 200 with an HTML page that asks for a password."""
    REDIRECT = "redirect"
    """Before: 302 to `message`."""
    CSRF = "csrf"
    """Before: all CSRF tokens expire, so that this request is refused for its token."""


BEFORE = frozenset({Kind.REFUSE, Kind.STATUS, Kind.LATE, Kind.SIGN_IN, Kind.REDIRECT, Kind.CSRF})


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule. Patterns are regular expressions that must be found; an empty one matches everything.

    `order_id` is sought in PurchaseOrderByCustomer, `customer` in SoldToParty, `material` in the items of the body,
    `path` in the path. `times` is how often it acts in all (0: always), `once_each`: once for each order id.
    """

    kind: Kind
    method: str = "POST"
    path: str = r"/(A_)?SalesOrder$"
    order_id: str = ""
    customer: str = ""
    material: str = ""
    times: int = 1
    once_each: bool = False
    seconds: float = 0.0
    status: int = 0
    retry_after: str = ""
    code: str = "V1/302"
    message: str = ""
    severity: str = "error"

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> Fault:
        """Read a rule from JSON. Raises ValueError that names what is wrong."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(members) - known):
            message = f"a fault has no {', '.join(unknown)}; it has {', '.join(sorted(known))}"
            raise ValueError(message)
        try:
            fault = cls(**{**members, "kind": Kind(members.get("kind", ""))})
            for pattern in (fault.path, fault.order_id, fault.customer, fault.material):
                re.compile(pattern)
        except (TypeError, re.error) as error:
            raise ValueError(str(error)) from error
        return fault


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as the rules see it. `headers` are in lower case and without credentials."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] | None = None
    order_id: str = ""
    customer: str = ""
    materials: tuple[str, ...] = ()

    @classmethod
    def of(cls, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Seen:
        """Read what matters from a request; a body that is no sales order leaves it empty."""
        public = {name: value for name, value in headers.items() if name not in ("authorization", "cookie")}
        try:
            order = json.loads(body) if body else {}
        except ValueError:
            order = {}
        if not isinstance(order, dict):
            order = {}
        rows = order.get("to_Item") or order.get("_Item") or []
        rows = rows.get("results", []) if isinstance(rows, dict) else rows
        materials = tuple(
            str(row.get("Material") or row.get("Product") or "") for row in rows if isinstance(row, dict)
        )
        return cls(
            method,
            path,
            query,
            public,
            str(order.get("PurchaseOrderByCustomer") or ""),
            str(order.get("SoldToParty") or ""),
            materials,
        )


class FaultPlan:
    """The rules in force. One request meets at most one: the first that matches and is not used up."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._rules: list[_Rule] = [_Rule(fault) for fault in faults]

    def add(self, fault: Fault) -> None:
        """Put a rule behind the others."""
        with self._lock:
            self._rules.append(_Rule(fault))

    def clear(self) -> None:
        """Take all rules out of force."""
        with self._lock:
            self._rules.clear()

    def rules(self) -> list[dict[str, Any]]:
        """Return the rules with how often each has acted."""
        with self._lock:
            return [{**asdict(rule.fault), "acted": rule.acted} for rule in self._rules]

    def take(self, seen: Seen) -> Fault | None:
        """Return the fault that this request meets, and count it."""
        with self._lock:
            for rule in self._rules:
                if rule.matches(seen):
                    rule.acted += 1
                    rule.met.add(seen.order_id)
                    return rule.fault
        return None


class _Rule:
    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.acted = 0
        self.met: set[str] = set()

    def matches(self, seen: Seen) -> bool:
        fault = self.fault
        if fault.times and self.acted >= fault.times:
            return False
        if fault.once_each and seen.order_id in self.met:
            return False
        return (
            (not fault.method or fault.method == seen.method)
            and re.search(fault.path, seen.path) is not None
            and re.search(fault.order_id, seen.order_id) is not None
            and re.search(fault.customer, seen.customer) is not None
            and (not fault.material or any(re.search(fault.material, name) for name in seen.materials))
        )
