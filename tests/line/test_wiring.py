"""A signature is the wiring; one that cannot be wired is refused with what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from raccordo.connector import Connector, ConnectorConfig, DocumentRef, operation
from raccordo.errors import Rejected
from raccordo.event import Contract, Event, EventId, first_event
from raccordo.flow import Flow, flow
from raccordo.wiring import Unwirable

if TYPE_CHECKING:
    from collections.abc import Callable


class Placed(
    Contract, topic="placed", key="customer", owner="tests", business_keys=("number",), lanes=("number",)
):
    """An order for wiring."""

    customer: str
    number: str
    country: str = "IT"


class Booked(Contract, topic="booked", key="customer", owner="tests"):
    """An answer for wiring."""

    customer: str


class Refused(Contract, topic="refused", key="customer", owner="tests"):
    """Another answer for wiring."""

    customer: str


class Config(ConnectorConfig, name="desk"):
    """Settings for wiring."""

    settle: float = 1.0


class Kit:
    """A kit that does nothing."""

    def __init__(self, config: Config) -> None:
        self.config = config

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""


class Desk(Connector[Config, Kit]):
    """A connector for wiring."""

    @operation
    async def create_order(self, order: Placed, *, key: EventId) -> DocumentRef:
        """Book."""
        return DocumentRef(document=f"{order.number}-{key}")


class Keyless(Connector[Config, Kit]):
    """A connector whose write forgot its key and its result."""

    @operation
    async def create_order(self, order: Placed) -> str:
        """Book."""
        return order.number


def test_a_flow_says_by_its_signature_what_it_takes_uses_and_emits() -> None:
    @flow("wired", lane="number")
    async def wired(event: Event[Placed], desk: Desk) -> Booked | None:
        """Wire."""
        return None

    @wired.rejected
    def refused(event: Event[Placed], refusal: Rejected) -> Refused:
        return Refused(customer=event.data.customer)

    assert wired.contract is Placed
    assert wired.wiring.connectors == {"desk": Desk}
    assert wired.wiring.emits == (Booked, Refused)


async def test_a_flow_stays_a_plain_function() -> None:
    @flow("plain")
    async def plain(event: Event[Placed]) -> Booked:
        return Booked(customer=event.data.customer)

    event = first_event(Placed(customer="c", number="1"), tenant="t", source="test", id=EventId("1"))
    assert await plain(event) == Booked(customer="c")


def test_the_lane_is_always_inside_the_record_key() -> None:
    @flow("laned", lane="number")
    async def laned(event: Event[Placed]) -> None: ...

    event = first_event(Placed(customer="c", number="1"), tenant="t", source="test", id=EventId("1"))
    assert laned.lane_of(event) == "t:c/1"


async def no_event(desk: Desk) -> None: ...
async def two_events(one: Event[Placed], two: Event[Placed]) -> None: ...
async def bare_parameter(event: Event[Placed], desk) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001
async def wrong_parameter(event: Event[Placed], number: int) -> None: ...
async def no_return(event: Event[Placed]): ...  # type: ignore[no-untyped-def]  # noqa: ANN201
async def wrong_return(event: Event[Placed]) -> int: ...  # type: ignore[empty-body]
def not_async(event: Event[Placed]) -> None: ...
async def keyless(event: Event[Placed], desk: Keyless) -> None: ...


@pytest.mark.parametrize(
    ("function", "options", "told"),
    [
        (no_event, {}, "takes 0 events; exactly one parameter must be Event"),
        (two_events, {}, "takes 2 events"),
        (bare_parameter, {}, "'desk' is not annotated; annotate it as"),
        (wrong_parameter, {}, "'number' is annotated as int; annotate it as"),
        (no_return, {}, "say what comes out with `-> <a contract>`"),
        (wrong_return, {}, "returns int; return a contract"),
        (not_async, {}, "write `async def`"),
        (keyless, {}, "give it a keyword-only `key: EventId`"),
        (keyless, {}, "must be annotated to return a DocumentRef"),
        (two_events, {"lane": "color"}, "lane 'color' is no field of Placed"),
        (two_events, {"lane": "country"}, "lane 'country' may be coarser than the record key 'customer'"),
    ],
)
def test_what_cannot_be_wired_is_refused_with_what_to_write_instead(
    function: Callable[..., Any], options: dict[str, str], told: str
) -> None:
    wired: Flow[..., Any] = flow("broken", **options)(function)  # type: ignore[arg-type]
    with pytest.raises(Unwirable) as caught:
        _ = wired.wiring
    assert any(told in problem for problem in caught.value.problems), caught.value.problems


def test_all_problems_are_told_at_once() -> None:
    broken: Flow[..., Any] = flow("Not A Name", lane="color")(two_events)
    with pytest.raises(Unwirable) as caught:
        _ = broken.wiring
    assert len(caught.value.problems) == 3


def test_a_write_must_begin_with_a_verb() -> None:
    with pytest.raises(TypeError, match="begin its name with one of"):

        @operation
        async def book(self: Desk, order: Placed, *, key: EventId) -> DocumentRef:
            return DocumentRef(document="1")
