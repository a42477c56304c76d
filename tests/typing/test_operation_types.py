"""What a flow gives to an operation is checked by the type checker, through all that the line puts around it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[2]
FLOW = """
    from connectors.sap import SapOrders
    from raccordo.event import Event
    from raccordo.flow import flow
    from schemas import OrderConfirmed, OrderCreated

    @flow("order-to-sap", lane="order_id")
    async def order_to_sap(event: Event[OrderCreated], sap: SapOrders) -> OrderConfirmed:
        booked = await {call}
        return {answer}
"""
RIGHT = {
    "call": "sap.create_order(event.data, key=event.id)",
    "answer": "OrderConfirmed.of(event.data, document=booked.document, system=sap.system)",
}
WRONG = {
    "the event instead of its contract": ({"call": "sap.create_order(event, key=event.id)"}, "arg-type"),
    "a contract of another kind": (
        {"call": "sap.create_order(OrderConfirmed.model_construct(), key=event.id)"},
        "arg-type",
    ),
    "no key": ({"call": "sap.create_order(event.data)"}, "call-arg"),
    "a key that is any string": ({"call": "sap.create_order(event.data, key='1')"}, "arg-type"),
    "an operation that is not there": (
        {"call": "sap.cancel_everything(event.data, key=event.id)"},
        "attr-defined",
    ),
    "a field that the result does not have": (
        {"answer": "OrderConfirmed.of(event.data, document=booked.number, system=sap.system)"},
        "attr-defined",
    ),
    "an answer of another kind": ({"answer": "event.data"}, "return-value"),
    "a write that is not awaited": (
        {"answer": "sap.create_order(event.data, key=event.id)"},
        "return-value",
    ),
}


def _mypy(folder: Path, **texts: str) -> tuple[int, str]:
    names = []
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
        names.append(str(folder / f"{name}.py"))
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_mypy_accepts_the_right_call_and_names_each_wrong_one(tmp_path: Path) -> None:
    """One run over all of them, as a start of mypy costs more than the checks."""
    wrong = {f"wrong_{number}": case for number, case in enumerate(WRONG.values())}
    texts = {"right": dedent(FLOW).format(**RIGHT)} | {
        name: dedent(FLOW).format(**RIGHT | change) for name, (change, _) in wrong.items()
    }
    code, said = _mypy(tmp_path, **texts)
    assert code == 1
    assert "right.py" not in said, said
    for (name, (_, error)), what in zip(wrong.items(), WRONG, strict=True):
        assert any(f"{name}.py" in line and f"[{error}]" in line for line in said.splitlines()), (what, said)
