"""Places where the line can be made to die, stop, fail or dawdle on purpose, to prove that it survives it.

Off unless the environment says ``RACCORDO_FAILPOINTS="after_effect=kill:7,before_commit=delay:500"``: at the seventh
pass of ``after_effect`` the process kills itself. Actions: `kill` (SIGKILL), `stop` (SIGSTOP), `raise` (a `Defect`),
each with the number of the pass that fires it (default 1), and `delay` with milliseconds, at every pass.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Final

from raccordo.errors import ConfigError, Defect

VARIABLE: Final = "RACCORDO_FAILPOINTS"

NAMES: Final = (
    "after_claim",
    "before_send",
    "after_sent",
    "after_effect",
    "before_look",
    "before_conclude",
    "after_conclude",
    "outbox_dispatch",
    "after_dispatch",
    "before_park",
    "after_park",
    "before_commit",
    "after_commit",
)
"""Every place, in the order in which one event passes them."""

ACTIONS: Final = ("kill", "stop", "raise", "delay")


def parse(text: str) -> dict[str, tuple[str, int]]:
    """Read ``name=action[:number]`` parts separated by commas. Raises ConfigError that names what is wrong."""
    points: dict[str, tuple[str, int]] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, rest = part.partition("=")
        action, _, number = rest.partition(":")
        if name not in NAMES or action not in ACTIONS or not (number or "1").isdigit():
            message = (
                f"{VARIABLE}: {part!r} is not <name>=<action>[:<number>] with a name of {', '.join(NAMES)} "
                f"and an action of {', '.join(ACTIONS)}"
            )
            raise ConfigError(message)
        points[name] = (action, int(number or "1"))
    return points


_armed: dict[str, tuple[str, int]] = {}
_passes: dict[str, int] = {}


def arm(text: str) -> None:
    """Arm the places that `text` names, and no others; passes are counted from now on. Raises ConfigError."""
    _armed.clear()
    _passes.clear()
    _armed.update(parse(text))


def failpoint(name: str) -> None:
    """Pass a place; does nothing unless the environment armed it."""
    if _armed and name in _armed:
        _fire(name, *_armed[name])


def _fire(name: str, action: str, number: int) -> None:
    _passes[name] = _passes.get(name, 0) + 1
    if action == "delay":
        time.sleep(number / 1000)  # blocks on purpose: a dawdling step holds the loop
    elif _passes[name] != number:
        return
    elif action == "raise":
        message = f"failpoint {name}"
        raise Defect(message)
    else:
        os.kill(os.getpid(), signal.SIGKILL if action == "kill" else signal.SIGSTOP)
