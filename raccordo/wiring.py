"""Reads the wiring off a flow's signature: event in, connectors used, events out; every problem told at once."""

from __future__ import annotations

import inspect
import re
import types
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Union, get_args, get_origin, get_type_hints

from raccordo.connector import Connector
from raccordo.event import Contract, Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from raccordo.flow import Flow

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,59}")


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


@dataclass(slots=True)
class _Parameters:
    """The parameters of a flow, sorted by what they are."""

    events: dict[str, type[Contract]] = field(default_factory=dict)
    connectors: dict[str, type[Connector[Any, Any]]] = field(default_factory=dict)


def read(flow: Flow[..., Any]) -> Wiring:
    """Read a flow's wiring. Raises Unwirable."""
    where = f"flow {flow.name!r} ({flow.__name__})"
    problems = list(_form_problems(flow, where))
    try:
        hints = get_type_hints(flow.function)
        said = get_type_hints(flow.rejection).get("return") if flow.rejection is not None else None
    except NameError as error:
        problems.append(f"{where}: {error}; import the name outside `if TYPE_CHECKING`, it is read at start")
        raise Unwirable(problems) from error
    parameters = _sort(flow, hints, where, problems)
    if "return" not in hints:
        problems.append(f"{where}: say what comes out with `-> <a contract>` or `-> None`")
    emits = [*_contracts(hints.get("return"), where, problems), *_contracts(said, where, problems)]
    problems.extend(_lane_problems(flow, where, next(iter(parameters.events.values()), None)))
    if problems:
        raise Unwirable(problems)
    ((event_parameter, contract),) = parameters.events.items()
    return Wiring(event_parameter, contract, parameters.connectors, tuple(dict.fromkeys(emits)))


def _form_problems(flow: Flow[..., Any], where: str) -> Iterator[str]:
    if not _NAME.fullmatch(flow.name):
        yield f"{where}: name it with a-z, 0-9 and '-', at most 60 characters, beginning with a letter"
    if not inspect.iscoroutinefunction(flow.function):
        yield f"{where}: write `async def`, so that it never blocks the line"


def _sort(flow: Flow[..., Any], hints: Mapping[str, Any], where: str, problems: list[str]) -> _Parameters:
    """Tell the event from the connectors; anything else is a problem."""
    sorted_ = _Parameters()
    for parameter in inspect.signature(flow.function).parameters:
        hint = hints.get(parameter)
        if get_origin(hint) is Event and _is_contract(get_args(hint)[0]):
            sorted_.events[parameter] = get_args(hint)[0]
        elif isinstance(hint, type) and issubclass(hint, Connector):
            sorted_.connectors[parameter] = hint
            problems.extend(_operations(where, hint))
        else:
            spelled = "not annotated" if hint is None else f"annotated as {_spelled(hint)}"
            problems.append(
                f"{where}: parameter {parameter!r} is {spelled}; annotate it as Event[<a contract>] "
                "or as a connector class"
            )
    if len(sorted_.events) != 1:
        problems.append(
            f"{where}: takes {len(sorted_.events)} events; exactly one parameter must be Event[<a contract>]"
        )
    return sorted_


def _is_contract(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Contract) and hasattr(hint, "info")


def _spelled(hint: Any) -> str:
    return str(getattr(hint, "__name__", hint))


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
            f"{where}: returns {_spelled(hint)}; return a contract with a topic, a list or tuple of them, "
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
            f"{where}: lane {flow.lane_field!r} may be coarser than the record key {info.key!r} of {info.name}, "
            f"and its order could not be kept over partitions; use {info.key!r} or a field that the contract declares "
            f"as finer (lanes: {finer})"
        )
