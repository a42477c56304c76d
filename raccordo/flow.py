"""Why systems are joined: a flow is a plain async function whose signature is its wiring.

    @flow("order-to-sap", lane="order_id", on_dead_letter=BLOCK_LANE)
    async def order_to_sap(event: Event[OrderCreated], sap: SapOrders) -> OrderConfirmed: ...

Event in, connectors used, events out. Nothing is scanned or registered by import: an application lists its flows.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Generic, ParamSpec, TypeVar

from raccordo.patience import Backoff as Backoff  # noqa: PLC0414 - flows take it from here
from raccordo.wiring import Wiring, read

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from raccordo.event import Contract, Event

P = ParamSpec("P")
R = TypeVar("R")
H = TypeVar("H", bound="Callable[..., Any]")


class OnDeadLetter(StrEnum):
    """What happens to the later events of a lane when one of them ended as a dead letter or a doubt."""

    BLOCK_LANE = "block"
    SKIP = "skip"


BLOCK_LANE: Final = OnDeadLetter.BLOCK_LANE
SKIP: Final = OnDeadLetter.SKIP


class Flow(Generic[P, R]):
    """A flow: its function, its name (group, log field, metric label, ledger scope) and its policies.

    Calling the object calls the function: a unit test needs nothing else.
    """

    def __init__(
        self,
        function: Callable[P, Awaitable[R]],
        name: str,
        *,
        lane: str | None,
        retry: Backoff,
        on_dead_letter: OnDeadLetter,
        deadline: float,
    ) -> None:
        self.function = function
        self.name = name
        self.lane_field = lane
        self.retry = retry
        self.on_dead_letter = on_dead_letter
        self.deadline = deadline
        self.rejection: Callable[..., Any] | None = None
        self.__doc__ = function.__doc__
        self.__name__ = getattr(function, "__name__", name)
        self._wiring: Wiring | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
        """Run the function directly."""
        return self.function(*args, **kwargs)

    def rejected(self, handler: H) -> H:
        """Register ``(event, refusal: Rejected) -> event`` for a business refusal, which then ends as REJECTED."""
        self.rejection = handler
        return handler

    @property
    def wiring(self) -> Wiring:
        """What the signature says. Raises Unwirable with every problem at once."""
        if self._wiring is None:
            self._wiring = read(self)
        return self._wiring

    @property
    def contract(self) -> type[Contract]:
        """The contract that the flow consumes."""
        return self.wiring.contract

    def lane_of(self, event: Event[Any]) -> str:
        """Say what must stay in order with this event: its record key, or the finer lane inside it."""
        if self.lane_field is None or self.lane_field == event.contract.info.key:
            return event.record_key
        return f"{event.record_key}/{getattr(event.data, self.lane_field)}"


def flow(
    name: str,
    *,
    lane: str | None = None,
    retry: Backoff | None = None,
    on_dead_letter: OnDeadLetter = BLOCK_LANE,
    deadline: float = 120.0,
) -> Callable[[Callable[P, Awaitable[R]]], Flow[P, R]]:
    """Make a flow of an async function.

    `lane`: the field that must stay in order (default: the contract's key). `retry`: waits between attempts.
    `deadline`: seconds for one attempt of the whole function.
    """

    def wrap(function: Callable[P, Awaitable[R]]) -> Flow[P, R]:
        return Flow(
            function,
            name,
            lane=lane,
            retry=retry or Backoff(),
            on_dead_letter=on_dead_letter,
            deadline=deadline,
        )

    return wrap
