"""What a flow says becomes events: wrapped, named after their cause, encoded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from raccordo.broker.limits import MAX_RECORD_BYTES, refuse_impossible
from raccordo.codec import encode
from raccordo.errors import Defect, TooLarge
from raccordo.ledger import Emission

if TYPE_CHECKING:
    from raccordo.broker import Outgoing
    from raccordo.event import Event
    from raccordo.flow import Flow


def emissions(event: Event[Any], said: Any, flow: Flow[..., Any], at: int) -> tuple[Emission, ...]:
    """Wrap what a flow returned (a contract, several, or None) as events caused by `event`.

    `at` is in milliseconds since the epoch. Raises Defect for what the flow's signature does not
    name, and for what is too large to publish.
    """
    contracts = () if said is None else said if isinstance(said, (list, tuple)) else (said,)
    time = datetime.fromtimestamp(at / 1000, UTC)
    made = []
    for index, contract in enumerate(contracts):
        if type(contract) not in flow.wiring.emits:
            message = f"returned a {type(contract).__name__}, which its signature does not name"
            raise Defect(message)
        caused = event.cause(contract, flow=flow.name, index=index, time=time)
        made.append(Emission(caused.id, contract.info.name, _publishable(encode(caused))))
    return tuple(made)


def _publishable(record: Outgoing) -> Outgoing:
    """Refuse now what no broker would take later, when the event has ended and nobody would hear of it."""
    try:
        refuse_impossible(record, MAX_RECORD_BYTES)
    except TooLarge as error:
        raise Defect(f"said something too large to publish: {error}") from error
    return record
