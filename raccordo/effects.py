"""What is known of the calls of one event: which stand how, which are new to the ledger, which are in doubt."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from raccordo.event import derived_id
from raccordo.ledger import Effect, EffectState, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from raccordo.connector import DocumentRef
    from raccordo.event import Contract
    from raccordo.ledger import Claim

DOUBTFUL: Final = (EffectState.SENT, EffectState.UNKNOWN)


class Effects:
    """The writes of one event in one flow, in the order of their making; nothing here talks to anybody.

    `journey` is what the ledger will keep of the ways in which they went, beyond the ordinary.
    """

    def __init__(self, claim: Claim, data: Contract, known: Iterable[Effect]) -> None:
        self.journey: list[Step] = []
        self._claim = claim
        self._data = data
        self._known = {(effect.system, effect.operation, effect.index): effect for effect in known}
        self._made: dict[tuple[str, str], int] = {}
        self._reached: set[str] = set()
        self._unsaved: dict[str, Effect] = {}

    @property
    def unsaved(self) -> tuple[Effect, ...]:
        """Calls whose state has changed since the ledger last heard of them."""
        return tuple(self._unsaved.values())

    @property
    def doubtful(self) -> Effect | None:
        """A call that was perhaps done, if there is one."""
        return next((effect for effect in self._known.values() if effect.state in DOUBTFUL), None)

    @property
    def unreached(self) -> Effect | None:
        """A doubtful call that this run of the flow never came to: made by an older release of the flow."""
        left = (effect for effect in self._known.values() if effect.key not in self._reached)
        return next((effect for effect in left if effect.state in DOUBTFUL), None)

    def next(self, system: str, operation: str, key: str) -> Effect:
        """Find how the next call of this kind stands, or begin it; calls of one kind are told apart by their count."""
        index = self._made.get((system, operation), 0)
        self._made[system, operation] = index + 1
        effect = self._known.get((system, operation, index))
        if effect is None:
            effect = Effect(
                key=derived_id(self._claim.tenant, system, operation, key, str(index)),
                index=index,
                system=system,
                operation=operation,
                state=EffectState.FAILED,
                sent_at=0,
                settle_at=0,
            )
        self._reached.add(effect.key)
        return effect

    def saved(self, effect: Effect) -> None:
        """Take over what the ledger has just been told, and this call with it."""
        self._unsaved.clear()
        self._know(effect)

    def remember(self, effect: Effect) -> Effect:
        """Note a change that the ledger has to hear of."""
        self._know(effect)
        self._unsaved[effect.key] = effect
        return effect

    def confirm(self, effect: Effect, result: DocumentRef) -> Effect:
        """Note that a call was done, with what came of it."""
        stored = result.model_dump_json()
        return self.remember(
            replace(effect, state=EffectState.CONFIRMED, result=stored, document=result.document)
        )

    def tell(self, at: int, step: str, effect: Effect, detail: str = "") -> None:
        """Add to the journey what happened to a call."""
        self.journey.append(Step(at, step, f"{effect.system}.{effect.operation}{detail}"))

    def digest(self, args: Sequence[Any]) -> str:
        """A digest of what was asked for, for the audit; never compared. Mostly that is the event itself."""
        if len(args) == 1 and args[0] is self._data:
            return self._claim.fingerprint.hex()
        digest = hashlib.blake2b(digest_size=16)
        for arg in args:
            digest.update(
                arg.model_dump_json().encode() if isinstance(arg, BaseModel) else repr(arg).encode()
            )
        return digest.hexdigest()

    def _know(self, effect: Effect) -> None:
        self._known[effect.system, effect.operation, effect.index] = effect
