"""What a flow says becomes events: wrapped, named after their cause, encoded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from raccordo.codec import encode
from raccordo.errors import Defect
from raccordo.ledger import Emission

if TYPE_CHECKING:
    from raccordo.event import Event
    from raccordo.flow import Flow


def emissions(event: Event[Any], said: Any, flow: Flow[..., Any], at: int) -> tuple[Emission, ...]:
    """Wrap what a flow returned (a contract, several, or None) as events caused by `event`.

    `at` is in milliseconds since the epoch. Raises Defect for what the flow's signature does not name.
    """
    contracts = () if said is None else said if isinstance(said, (list, tuple)) else (said,)
    time = datetime.fromtimestamp(at / 1000, UTC)
    made = []
    for index, contract in enumerate(contracts):
        if type(contract) not in flow.wiring.emits:
            message = f"returned a {type(contract).__name__}, which its signature does not name"
            raise Defect(message)
        caused = event.cause(contract, flow=flow.name, index=index, time=time)
        made.append(Emission(caused.id, contract.info.name, encode(caused)))
    return tuple(made)
