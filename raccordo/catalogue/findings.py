"""What is wrong with a contract or its published form, in a shape that people and scripts can act on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from raccordo.event import ContractInfo

Kind = Literal["declaration", "breaking", "drift"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that fails a check: of which contract, owned by whom, at which field, and what to do."""

    kind: Kind
    contract: str
    owner: str
    path: str
    message: str

    def __str__(self) -> str:
        """Write ``breaking: ordini_creati v1 (owner order-to-cash): $.lines[].price: …``."""
        owner = f" (owner {self.owner})" if self.owner else ""
        return f"{self.kind}: {self.contract}{owner}: {self.path}: {self.message}"


def of(info: ContractInfo, kind: Kind, path: str, message: str) -> Finding:
    """Make a finding about a contract that is declared in code."""
    return Finding(kind, f"{info.topic} v{info.version}", info.owner, path, message)
