"""The calls that one event makes: each write remembered before it leaves, looked up when its answer was lost.

A flow is run again from its beginning after a crash, a park or a redrive. Calls that were confirmed before give back
their stored result without touching the system; a call in doubt asks the system before anything is sent again.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from raccordo.effects import DOUBTFUL, Effects
from raccordo.errors import (
    Ambiguous,
    ConnectorError,
    Missing,
    RaccordoError,
    Rejected,
    Throttled,
    Unavailable,
    Undecided,
)
from raccordo.event import EventId
from raccordo.failpoints import failpoint
from raccordo.ledger import Effect, EffectState, Sending
from raccordo.patience import in_place, next_look

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

    from raccordo.connector import Connector, DocumentRef, Operation
    from raccordo.event import Contract
    from raccordo.ledger import Claim
    from raccordo.line import Line
    from raccordo.systems import System


class Doubt(Ambiguous):
    """A write is still in doubt: look again at `look_at` (ms since the epoch), nothing is sent before."""

    def __init__(self, effect: Effect, look_at: int) -> None:
        self.look_at = look_at
        super().__init__(
            "the answer to this write was lost; the system is asked until it is settled",
            system=effect.system,
            operation=effect.operation,
        )


class Calls:
    """Makes the calls of one event in one flow; `effects` is what is known of them."""

    def __init__(self, line: Line, claim: Claim, data: Contract, known: Iterable[Effect]) -> None:
        self.effects = Effects(claim, data, known)
        self._line = line
        self._claim = claim
        self._waiting_for: System | None = None

    def bind(self, connector: Connector[Any, Any]) -> Any:
        """Dress a connector so that its operations pass through the line's memory, slots and breaker."""
        return _Dressed(self, connector)

    async def read(
        self, connector: Connector[Any, Any], operation: Operation[Any, Any, Any], *args: Any, **kw: Any
    ) -> Any:
        """Make a read: in a slot of its system, repeated in place while the system is away for a moment."""
        system = self._line.systems[connector.system]
        async with self._slot(system):
            try:
                return await self._call(
                    system, operation.name, lambda: operation.function(connector, *args, **kw)
                )
            except Missing:
                if operation.verb == "find":
                    return None
                raise

    async def write(
        self,
        connector: Connector[Any, Any],
        operation: Operation[Any, Any, Any],
        *args: Any,
        key: str,
        **kw: Any,
    ) -> Any:
        """Make a write whose effect happens once, or say why it cannot be made now."""
        effect = self.effects.next(connector.system, operation.name, key)
        effect_key = EventId(effect.key)
        system = self._line.systems[connector.system]
        while True:
            if effect.state is EffectState.CONFIRMED:
                return operation.result_type().model_validate_json(effect.result or "{}")
            if effect.state in DOUBTFUL:
                effect, found = await self._look(connector, operation, effect, *args, **kw)
                if found is not None:
                    return found
            async with self._slot(system):
                effect, ours = await self._send(system, effect, connector, args)
                if ours:
                    return await self._attempt(
                        system,
                        operation,
                        effect,
                        lambda: operation.function(connector, *args, key=effect_key, **kw),
                    )

    @asynccontextmanager
    async def _slot(self, system: System) -> AsyncIterator[None]:
        """Hold a slot of a system for one call; one who is cut off on the way to it has done nothing yet."""
        self._waiting_for = system
        async with system.slot():
            self._waiting_for = None
            yield

    async def _attempt(
        self,
        system: System,
        operation: Operation[Any, Any, Any],
        effect: Effect,
        call: Callable[[], Awaitable[Any]],
    ) -> Any:
        """Make the call that was just remembered as sent, and remember what came of it."""
        try:
            result: DocumentRef = await self._call(system, operation.name, call)
        except Ambiguous as error:
            failpoint("after_effect")
            raise self._lost(operation, effect, error) from error
        except RaccordoError:
            self.effects.remember(replace(effect, state=EffectState.FAILED))
            raise
        failpoint("after_effect")
        self.effects.confirm(effect, result)
        return result

    async def _send(
        self, system: System, effect: Effect, connector: Connector[Any, Any], args: Sequence[Any]
    ) -> tuple[Effect, bool]:
        """Write SENT durably; the slot is held already, so that waiting for it never counts as sent.

        False beside the effect: another flow made this very call before, and this is how it stands.
        """
        failpoint("before_send")
        now = self._line.clock.now()
        effect = replace(
            effect,
            state=EffectState.SENT,
            sent_at=now,
            settle_at=now + int(connector.config.settle * 1000),
            request_digest=self.effects.digest(args),
        )
        self._waiting_for = system  # until SENT is durable nothing has left
        clearance = await self._line.ledger.send(
            Sending(self._claim.grant, self._claim.event_key, effect, now, concluded=self.effects.unsaved)
        )
        self._waiting_for = None
        if clearance.not_before is not None:
            system.hushed(clearance.not_before)
            raise Throttled(
                "another worker was asked to slow down",
                system=system.name,
                retry_after=max(0.0, (clearance.not_before - now) / 1000),
            )
        if clearance.standing is not None:
            self.effects.saved(clearance.standing)
            return clearance.standing, False
        self.effects.saved(effect)
        failpoint("after_sent")
        if system.silent:
            self.effects.remember(replace(effect, state=EffectState.FAILED))
            raise Throttled(
                "asked to slow down", system=system.name, retry_after=(system.not_before - now) / 1000
            )
        return effect, True

    async def _call(self, system: System, operation: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """Make one attempt, told to the system's breaker and, where the system asked for silence, to every worker."""
        try:
            result = await in_place(call, self._line.clock, self._line.rng)
        except ConnectorError as error:
            error.system, error.operation = error.system or system.name, error.operation or operation
            until = system.failed(error)
            if until is not None:
                await self._line.ledger.hush(system.name, until, error.sentence, self._line.clock.now())
            raise
        system.succeeded()
        return result

    async def _look(
        self,
        connector: Connector[Any, Any],
        operation: Operation[Any, Any, Any],
        effect: Effect,
        *args: Any,
        **kw: Any,
    ) -> tuple[Effect, Any]:
        """Ask the system whether a doubtful write was done. None for the result only when it counts as not done."""
        if operation.look_function is None:
            raise Undecided(
                "the answer was lost and this operation cannot be looked up",
                system=effect.system,
                operation=effect.operation,
            )
        failpoint("before_look")
        look = operation.look_function
        system = self._line.systems[connector.system]
        asked_at = self._line.clock.now()
        async with self._slot(system):
            asked_at = self._line.clock.now()
            try:
                found = await self._call(
                    system, operation.name, lambda: look(connector, *args, key=EventId(effect.key), **kw)
                )
            except Missing:
                found = None
            except Rejected as error:
                raise Undecided(
                    f"the answer was lost, and the look was refused: {error.sentence}",
                    system=effect.system,
                    operation=effect.operation,
                ) from error
        effect = replace(effect, looks=effect.looks + 1)
        if found is not None:
            self.effects.tell(asked_at, "found", effect, f" {found.document}")
            return self.effects.confirm(effect, found), found
        if asked_at < effect.settle_at:
            self.effects.tell(asked_at, "not found yet", effect)
            self.effects.remember(replace(effect, state=EffectState.UNKNOWN))
            raise Doubt(effect, next_look(effect, asked_at))
        self.effects.tell(asked_at, "not found", effect, ": it was not done")
        return self.effects.remember(replace(effect, state=EffectState.FAILED)), None

    def _lost(self, operation: Operation[Any, Any, Any], effect: Effect, error: Ambiguous) -> Ambiguous:
        """Turn a lost answer into what must happen next."""
        now = self._line.clock.now()
        self.effects.tell(now, "answer lost", effect, f": {error.sentence}")
        settle_at = now if error.repeatable else effect.settle_at
        effect = self.effects.remember(replace(effect, state=EffectState.UNKNOWN, settle_at=settle_at))
        if isinstance(error, Undecided) or operation.look_function is None:
            return Undecided(
                error.sentence, system=effect.system, operation=effect.operation, status=error.status
            )
        return Doubt(effect, next_look(effect, now))

    def interrupted(self) -> Doubt | Unavailable | None:
        """After an attempt that was cut off: the doubt that it left, or the system that it could not get at."""
        effect = self.effects.doubtful
        if effect is not None:
            self.effects.remember(replace(effect, state=EffectState.UNKNOWN))
            return Doubt(effect, next_look(effect, self._line.clock.now()))
        if self._waiting_for is not None:
            return Unavailable(
                "no slot became free within the flow's deadline", system=self._waiting_for.name
            )
        return None


class _Dressed:
    """A connector as a flow sees it: its operations go through the event's calls, all else is itself."""

    def __init__(self, calls: Calls, connector: Connector[Any, Any]) -> None:
        self._calls = calls
        self._connector = connector

    def __getattr__(self, name: str) -> Any:
        operation = type(self._connector).operations.get(name)
        if operation is None:
            return getattr(self._connector, name)
        calls, connector = self._calls, self._connector
        step = calls.write if operation.writes else calls.read
        return lambda *args, **kw: step(connector, operation, *args, **kw)
