"""An application directory: what is wrong with it is told before anything runs, all of it, with its place."""

from __future__ import annotations

import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from raccordo.app import load
from raccordo.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from raccordo.app import App

SCHEMAS = """
    from raccordo.event import Contract

    class Placed(Contract, topic="orders", key="customer", owner="sales"):
        customer: str

    class Booked(Contract, topic="bookings", key="customer", owner="sales"):
        customer: str

    CONTRACTS = (Placed, Booked)
"""
FLOWS = """
    from raccordo.event import Event
    from raccordo.flow import flow
    from schemas import Booked, Placed

    @flow("to-bookings")
    async def to_bookings(event: Event[Placed]) -> Booked:
        return Booked(customer=event.data.customer)

    FLOWS = (to_bookings,)
"""


@pytest.fixture
def loaded(tmp_path: Path) -> Iterator[Callable[..., App]]:
    """Writes packages into an empty directory and loads it; the imports of this process stay as they were."""
    rooms = ("schemas", "flows", "connectors")
    path = list(sys.path)
    kept = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in rooms}
    for name in kept:
        del sys.modules[name]

    def build(**packages: str) -> App:
        for name, text in packages.items():
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "__init__.py").write_text(dedent(text))
        sys.path[:] = [place for place in path if place and not _has(place, rooms)]
        return load(tmp_path)

    yield build
    sys.path[:] = path
    for name in [name for name in sys.modules if name.partition(".")[0] in rooms]:
        del sys.modules[name]
    sys.modules.update(kept)


def _has(place: str, rooms: tuple[str, ...]) -> bool:
    from pathlib import Path  # noqa: PLC0415 - beside its use

    return any((Path(place) / room).is_dir() for room in rooms)


def _refusal(loaded: Callable[..., App], **packages: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        loaded(**packages)
    return list(refused.value.problems)


def test_contracts_and_flows_are_found_where_the_packages_list_them(loaded: Callable[..., App]) -> None:
    app = loaded(schemas=SCHEMAS, flows=FLOWS)
    assert [contract.__name__ for contract in app.contracts] == ["Placed", "Booked"]
    assert [flow.name for flow in app.flows] == ["to-bookings"]
    assert app.only(["to-bookings"]).flows == app.flows
    with pytest.raises(ConfigError, match="there is no flow 'nowhere'; there are: to-bookings"):
        app.only(["to-bookings", "nowhere"])


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere does not exist; name one with --app-dir"):
        load(tmp_path / "nowhere")


def test_a_missing_package_is_named_with_its_directory(loaded: Callable[..., App], tmp_path: Path) -> None:
    (problem,) = _refusal(loaded, schemas=SCHEMAS)
    assert f"there is no package 'flows' in {tmp_path}" in problem
    assert "--app-dir" in problem


@pytest.mark.parametrize(
    "flows",
    ["", "FLOWS = 'to-bookings'", "FLOWS = (1, 2)", "def plain(): ...\nFLOWS = (plain,)"],
)
def test_a_list_of_flows_that_is_none_is_told_how_to_be_written(
    loaded: Callable[..., App], flows: str
) -> None:
    (problem,) = _refusal(loaded, schemas=SCHEMAS, flows=flows)
    assert "flows/__init__.py must list `FLOWS = (…,)`" in problem


def test_two_flows_of_one_name_are_refused(loaded: Callable[..., App]) -> None:
    (problem,) = _refusal(loaded, schemas=SCHEMAS, flows=FLOWS + "    FLOWS = (to_bookings, to_bookings)\n")
    assert "flow 'to-bookings' is listed twice" in problem


def test_the_problems_of_all_flows_are_told_at_once(loaded: Callable[..., App]) -> None:
    problems = _refusal(
        loaded,
        schemas=SCHEMAS,
        flows="""
            from raccordo.event import Event
            from raccordo.flow import flow
            from schemas import Booked, Placed

            @flow("no-event")
            async def no_event() -> Booked: ...

            @flow("strange-lane", lane="colour")
            async def strange_lane(event: Event[Placed]) -> None: ...

            FLOWS = (no_event, strange_lane, strange_lane)
        """,
    )
    said = "\n".join(problems)
    assert len(problems) >= 3
    assert "no-event" in said
    assert "colour" in said
    assert "listed twice" in said


@pytest.mark.parametrize(
    ("flows", "told"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("from schemas import Forgotten", "ImportError: cannot import name 'Forgotten'"),
        ("\n\nFLOWS = undefined", "NameError: name 'undefined' is not defined"),
        ("FLOWS = (", "SyntaxError"),
        ("raise RuntimeError('no')", "RuntimeError: no"),
    ],
)
def test_a_package_that_cannot_be_imported_is_told_with_file_and_line(
    loaded: Callable[..., App], tmp_path: Path, flows: str, told: str
) -> None:
    """The author of a flow reads one sentence, not a traceback through our own code."""
    (problem,) = _refusal(loaded, schemas=SCHEMAS, flows=flows)
    assert told in problem
    line = 3 if flows.startswith("\n") else 1
    assert f"{tmp_path / 'flows' / '__init__.py'}:{line}" in problem


def test_problems_of_both_packages_are_told_at_once(loaded: Callable[..., App]) -> None:
    problems = _refusal(loaded, schemas="CONTRACTS = undefined", flows="FLOWS = (1,)")
    assert len(problems) == 2
