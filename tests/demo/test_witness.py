"""The table of the demonstration turns wrong when something is wrong: each violation is planted here."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from demo import witness
from demo.orders import cast
from demo.witness import Told, complete, result
from raccordo.dev.sap import BookedOrder

if TYPE_CHECKING:
    from collections.abc import Callable

    from demo.orders import Cast

Store = dict[str, list[BookedOrder]]


class World:
    """A run in which everything went well: the orders, what the topics said, and what SAP booked."""

    def __init__(self) -> None:
        self.cast: Cast = cast("W", 120, Random(1))
        self.told = Told(
            confirmed={name: {f"id-{name}"} for name in self.cast.booked},
            rejected=dict.fromkeys(self.cast.refused, "V1/302 Customer is blocked"),
            dead=[(record.key, record.value) for record in self.cast.undecodable],
        )
        self.store: Store = {name: [self.order(name)] for name in self.cast.booked}

    @staticmethod
    def order(name: str) -> BookedOrder:
        """One sales order."""
        return BookedOrder(1, "1", name, "1000001", 1)

    def wrong(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The lines of the table that are not as they have to be."""
        monkeypatch.setattr(witness, "booked", lambda _: self.store)
        return [line.what for line in result(self.cast, self.told, Path("unused")) if not line.good]


def test_a_run_in_which_all_went_well_has_no_wrong_line(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    assert world.wrong(monkeypatch) == []
    assert complete(world.cast, world.told)


def _book_twice(world: World) -> None:
    name = world.cast.booked[0]
    world.store[name].append(world.order(name))


def _lose(world: World) -> None:
    del world.store[world.cast.booked[0]]


def _double_a_lost_answer(world: World) -> None:
    name = world.cast.lost[0]
    world.store[name].append(world.order(name))


def _confirm_twice(world: World) -> None:
    world.told.confirmed[world.cast.booked[0]].add("another id")


def _refuse_without_reason(world: World) -> None:
    world.told.rejected[world.cast.refused[0]] = "unknown no reason given"


def _book_a_refused_one(world: World) -> None:
    name = world.cast.refused[0]
    world.store[name] = [world.order(name)]


def _spoil_a_dead_letter(world: World) -> None:
    key, value = world.told.dead[0]
    world.told.dead[0] = (key, (value or b"") + b" ")


def _forget_an_answer(world: World) -> None:
    del world.told.confirmed[world.cast.booked[0]]


@pytest.mark.parametrize(
    ("harm", "lines"),
    [
        (_book_twice, {"booked once", "booked twice"}),
        (_lose, {"booked once", "lost"}),
        (_double_a_lost_answer, {"booked once", "booked twice", "answer lost, booked once"}),
        (_confirm_twice, {"confirmed once"}),
        (_refuse_without_reason, {"refused, with SAP's reason"}),
        (_book_a_refused_one, {"refused, yet booked"}),
        (_spoil_a_dead_letter, {"undecodable, kept byte for byte"}),
        (_forget_an_answer, {"accepted", "confirmed once"}),
    ],
)
def test_every_violation_turns_its_line_wrong(
    harm: Callable[[World], None], lines: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    harm(world)
    assert set(world.wrong(monkeypatch)) == lines
