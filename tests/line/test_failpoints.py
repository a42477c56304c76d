"""The places where the line can be made to fail, and the one word of the environment that arms them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from raccordo import failpoints
from raccordo.errors import ConfigError, Defect
from raccordo.failpoints import NAMES, arm, failpoint, parse

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def unarmed() -> Iterator[None]:
    """Leave nothing armed behind."""
    yield
    arm("")


def test_several_places_are_read_with_their_action_and_number() -> None:
    assert parse(" after_effect=kill:7 , before_commit=delay:500,before_send=raise,") == {
        "after_effect": ("kill", 7),
        "before_commit": ("delay", 500),
        "before_send": ("raise", 1),
    }
    assert parse("") == {}


@pytest.mark.parametrize(
    "text",
    [
        "nowhere=kill",
        "after_effect=explode",
        "after_effect",
        "after_effect=kill:soon",
        "after_effect=kill:-1",
        "=kill",
    ],
)
def test_what_cannot_be_read_is_told_with_all_names_and_actions(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text)
    said = str(refused.value)
    assert repr(text) in said
    assert all(name in said for name in (*NAMES, *failpoints.ACTIONS))


def test_a_wrong_text_arms_nothing() -> None:
    with pytest.raises(ConfigError):
        arm("before_send=raise,nowhere=kill")
    failpoint("before_send")


def test_the_numbered_pass_fires_and_no_other() -> None:
    arm("before_send=raise:3")
    failpoint("before_send")
    failpoint("after_sent")
    failpoint("before_send")
    with pytest.raises(Defect, match="failpoint before_send"):
        failpoint("before_send")
    failpoint("before_send")


def test_arming_counts_from_the_beginning() -> None:
    arm("before_send=raise:2")
    failpoint("before_send")
    arm("before_send=raise:2")
    failpoint("before_send")
    with pytest.raises(Defect):
        failpoint("before_send")


def test_a_delay_acts_at_every_pass() -> None:
    arm("before_send=delay:20")
    began = time.monotonic()
    failpoint("before_send")
    failpoint("before_send")
    assert time.monotonic() - began >= 0.04


def test_kill_is_a_real_sigkill() -> None:
    program = """
from raccordo.failpoints import arm, failpoint
arm("after_effect=kill:2")
failpoint("after_effect")
print("first", flush=True)
failpoint("after_effect")
print("second")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, env=os.environ)
    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout == b"first\n"
