"""Why systems are joined: a flow is a plain async function whose signature is its wiring.

    @flow("order-to-sap", lane="order_id", on_dead_letter=BLOCK_LANE)
    async def order_to_sap(event: Event[OrderCreated], sap: SapOrders) -> OrderConfirmed: ...

Event in, connectors used, events out. Nothing is scanned or registered by import: an application lists its flows.
"""

from __future__ import annotations

import inspect
import re
import types
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Generic, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from raccordo.connector import Connector
from raccordo.errors import Rejected
from raccordo.event import Contract, Event
from raccordo.patience import Backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

P = ParamSpec("P")
R = TypeVar("R")

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,59}")


class OnDeadLetter(StrEnum):
    """What happens to the later events of a lane when one of them ended as a dead letter or a doubt."""

    BLOCK_LANE = "block"
    SKIP = "skip"


BLOCK_LANE: Final = OnDeadLetter.BLOCK_LANE
SKIP: Final = OnDeadLetter.SKIP


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a flow's signature says."""

    event_parameter: str
    contract: type[Contract]
    connectors: Mapping[str, type[Connector[Any, Any]]]
    emits: tuple[type[Contract], ...]


class Unwirable(Exception):
    """A signature that cannot be wired; `problems` are sentences that say what to write instead."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class Flow(Generic[P, R]):
    """A flow: its function, its name (group, log field, metric label, ledger scope) and its policies.

    Calling the object calls the function: a unit test needs nothing else.
    """

    def __init__(  # noqa: PLR0913 - the policies of a flow
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

    def rejected(self, handler: Callable[..., R]) -> Callable[..., R]:
        """Register ``(event, refusal: Rejected) -> event`` for a business refusal, which then ends as REJECTED."""
        self.rejection = handler
        return handler

    @property
    def wiring(self) -> Wiring:
        """What the signature says. Raises Unwirable with every problem at once."""
        if self._wiring is None:
            self._wiring = _read(self)
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


def _read(flow: Flow[..., Any]) -> Wiring:
    """Read the wiring off the signature, collecting every problem."""
    where = f"flow {flow.name!r} ({flow.__name__})"
    problems: list[str] = []
    if not _NAME.fullmatch(flow.name):
        problems.append(f"{where}: name it with a-z, 0-9 and '-', at most 60 characters, beginning with a letter")
    if not inspect.iscoroutinefunction(flow.function):
        problems.append(f"{where}: write `async def`, so that it never blocks the line")
    try:
        hints = get_type_hints(flow.function)
    except NameError as error:
        raise Unwirable(
            [*problems, f"{where}: {error}; import the name outside `if TYPE_CHECKING`, it is read at start"]
        ) from error
    events: dict[str, type[Contract]] = {}
    connectors: dict[str, type[Connector[Any, Any]]] = {}
    for parameter in inspect.signature(flow.function).parameters:
        hint = hints.get(parameter)
        if get_origin(hint) is Event and _is_contract(get_args(hint)[0]):
            events[parameter] = get_args(hint)[0]
        elif isinstance(hint, type) and issubclass(hint, Connector):
            connectors[parameter] = hint
            problems.extend(_operations(where, hint))
        else:
            problems.append(
                f"{where}: parameter {parameter!r} is {_spelled(hint)}; annotate it as Event[<a contract>] or as a "
                "connector class"
            )
    if len(events) != 1:
        problems.append(f"{where}: takes {len(events)} events; exactly one parameter must be Event[<a contract>]")
    if "return" not in hints:
        problems.append(f"{where}: say what comes out with `-> <a contract>` or `-> None`")
    emits = tuple(_contracts(hints.get("return"), where, problems))
    if flow.rejection is not None:
        emits += tuple(_contracts(get_type_hints(flow.rejection).get("return"), where, problems))
    problems.extend(_lane_problems(flow, where, next(iter(events.values()), None)))
    if problems:
        raise Unwirable(problems)
    ((event_parameter, contract),) = events.items()
    return Wiring(event_parameter, contract, connectors, tuple(dict.fromkeys(emits)))


def _is_contract(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Contract) and hasattr(hint, "info")


def _spelled(hint: Any) -> str:
    return "not annotated" if hint is None else f"annotated as {getattr(hint, '__name__', hint)}"


def _operations(where: str, connector: type[Connector[Any, Any]]) -> Iterator[str]:
    """Yield what is wrong with the write operations of a connector."""
    for operation in connector.operations.values():
        if operation.writes:
            key = inspect.signature(operation.function).parameters.get("key")
            if key is None or key.kind is not inspect.Parameter.KEYWORD_ONLY:
                yield f"{where}: {connector.__name__}.{operation.name} writes; give it a keyword-only `key: EventId`"
            try:
                operation.result_type()
            except TypeError as error:
                yield f"{where}: {connector.__name__}.{error}"


def _contracts(hint: Any, where: str, problems: list[str]) -> Iterator[type[Contract]]:
    """Yield the contracts in a return annotation: one, a union, None, or a list or tuple of them."""
    origin = get_origin(hint)
    if hint is None or hint is type(None):
        return
    if _is_contract(hint):
        yield hint
    elif origin in (Union, types.UnionType, list, tuple):
        for argument in get_args(hint):
            if argument is not Ellipsis:
                yield from _contracts(argument, where, problems)
    else:
        problems.append(
            f"{where}: returns {_spelled(hint)[13:] or hint}; return a contract with a topic, a list or tuple of them, "
            "or None"
        )


def _lane_problems(flow: Flow[..., Any], where: str, contract: type[Contract] | None) -> Iterator[str]:
    """A lane may be the record key or finer; a coarser one would need records of other partitions."""
    if contract is None or flow.lane_field is None:
        return
    info = contract.info
    if flow.lane_field not in contract.model_fields:
        yield f"{where}: lane {flow.lane_field!r} is no field of {info.name}"
    elif flow.lane_field not in (info.key, *info.lanes):
        finer = ", ".join(info.lanes) or "none"
        yield (
            f"{where}: lane {flow.lane_field!r} may be coarser than the record key {info.key!r} of {info.name}, and its "
            f"order could not be kept over partitions; use {info.key!r} or a field that the contract declares as finer "
            f"(lanes: {finer})"
        )


__all__ = ["BLOCK_LANE", "SKIP", "Backoff", "Flow", "OnDeadLetter", "Rejected", "Unwirable", "Wiring", "flow"]
