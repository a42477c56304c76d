"""`carry`: the way of one event, from its claim to its end, on one screen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from raccordo.calls import Calls
from raccordo.codec import event_key, fingerprint
from raccordo.deadletter import burial
from raccordo.emit import emissions
from raccordo.errors import BrokerError, Conflict, ContractError, Defect, LedgerError, Skip, Undecided
from raccordo.failpoints import failpoint
from raccordo.ledger import Claim, Conclusion, Parking, State
from raccordo.turn import Ending, Outcome, Turn, Wait
from raccordo.verdicts import Verdicts

if TYPE_CHECKING:
    from raccordo.broker import Record
    from raccordo.flow import Flow
    from raccordo.ledger import Emission, Grant
    from raccordo.line import Line


async def carry(turn: Turn, flow: Flow[..., Any], line: Line) -> Outcome:
    """Carry one event: claim, run the flow, remember the end with what it says, publish, and only then let go.

    Whatever goes wrong becomes an outcome, except LedgerError and BrokerError: then nothing could be remembered or
    published, and the event is carried again from the beginning. BLOCKED is an end behind which the lane stays closed.
    """
    claim = _claim(turn, flow, line)
    try:
        standing = await line.ledger.claim(claim)
    except ContractError as error:
        return await bury(turn.grant, turn.record, error, line, tenant=turn.event.tenant)
    failpoint("after_claim")
    if standing.conflict:
        return await bury(turn.grant, turn.record, _conflict(), line, tenant=turn.event.tenant)
    if standing.elsewhere or (standing.state is not None and standing.state.terminal):
        return Outcome.REPEAT
    calls = Calls(line, claim, turn.event.data, standing.effects)
    end: Ending | Wait
    try:
        end = Ending(State.CONFIRMED, await _run(turn, flow, calls, line))
    except (LedgerError, BrokerError):
        raise
    except Skip as signal:
        end = Ending(State.SKIPPED, error="Skip", reason=signal.reason)
    except Exception as error:  # noqa: BLE001 - every other error has its verdict
        end = await Verdicts(turn, flow, line, calls, standing).judge(error)
    if isinstance(end, Wait):
        failpoint("before_park")
        await line.ledger.park(_parking(turn, claim.event_key, end, calls, line))
        failpoint("after_park")
        return Outcome.PARKED
    failpoint("before_conclude")
    await line.ledger.conclude(_conclusion(turn, claim.event_key, end, calls, line))
    failpoint("after_conclude")
    await line.publish(end.emissions)
    line.finished(turn, flow, end)
    return Outcome.BLOCKED if end.blocks else Outcome(end.state)


async def _run(turn: Turn, flow: Flow[..., Any], calls: Calls, line: Line) -> tuple[Emission, ...]:
    """Run the flow's function with its connectors, and wrap what it says."""
    wiring = flow.wiring
    arguments = {name: calls.bind(line.connector(kind)) for name, kind in wiring.connectors.items()}
    said, skipped = None, None
    try:
        async with asyncio.timeout(flow.deadline):
            said = await flow.function(**{wiring.event_parameter: turn.event}, **arguments)
    except Skip as signal:
        skipped = signal
    except TimeoutError as error:
        message = f"took longer than the flow's deadline of {flow.deadline:g} s"
        raise calls.interrupted() or Defect(message) from error
    left = calls.effects.unreached
    if left is not None:
        raise Undecided(
            "an earlier release of this flow sent this, its answer is unknown, and this release does not ask for it",
            system=left.system,
            operation=left.operation,
        )
    if skipped is not None:
        raise skipped
    return emissions(turn.event, said, flow, line.clock.now())


async def bury(
    grant: Grant, record: Record, error: ContractError, line: Line, *, tenant: str = ""
) -> Outcome:
    """Send a record to the dead letter channel: its bytes into the ledger, then a copy to the topic."""
    grave = burial(grant, record, error, line.clock.now(), tenant=tenant)
    await line.ledger.bury(grave)
    await line.publish([grave.copy])
    line.buried(grave)
    return Outcome.DEAD


def _claim(turn: Turn, flow: Flow[..., Any], line: Line) -> Claim:
    event = turn.event
    return Claim(
        grant=turn.grant,
        event_key=event_key(event.tenant, flow.name, event.id),
        event_id=event.id,
        tenant=event.tenant,
        contract=event.contract.info.name,
        offset=turn.record.offset,
        lane=turn.lane,
        fingerprint=fingerprint(event),
        correlation_id=event.correlation_id,
        causation_id=event.causation_id,
        published_at=turn.record.timestamp,
        at=line.clock.now(),
        business_keys=tuple(event.data.business_key_values()),
    )


def _parking(turn: Turn, key: bytes, wait: Wait, calls: Calls, line: Line) -> Parking:
    return Parking(
        grant=turn.grant,
        event_key=key,
        lane=turn.lane,
        head=turn.record,
        why=wait.why,
        next_at=wait.until,
        at=line.clock.now(),
        attempts=wait.attempts,
        effects=calls.effects.unsaved,
        error=wait.error,
        reason=wait.reason,
        journey=tuple(calls.effects.journey),
    )


def _conclusion(turn: Turn, key: bytes, end: Ending, calls: Calls, line: Line) -> Conclusion:
    return Conclusion(
        grant=turn.grant,
        event_key=key,
        lane=turn.lane,
        offset=turn.record.offset,
        state=end.state,
        at=line.clock.now(),
        effects=calls.effects.unsaved,
        emissions=end.emissions,
        error=end.error,
        reason=end.reason,
        held=turn.record if end.keeps_record else None,
        blocks=end.blocks,
        journey=tuple(calls.effects.journey),
    )


def _conflict() -> Conflict:
    return Conflict(
        "this event id is known with another body; give a changed event a new id", path="header ce_id"
    )
