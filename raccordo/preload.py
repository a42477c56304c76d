"""What the supervisor's fork server loads once, so that a worker which died is back at work in a moment.

Importing everything takes seconds of processor time; a fork of a process that has it takes milliseconds.
"""

from __future__ import annotations

import gc
import importlib
import os
from contextlib import suppress
from typing import Final

from raccordo.app import load
from raccordo.errors import ConfigError

APP_DIR: Final = "RACCORDO_PRELOAD_APP_DIR"

LATE: Final = ("raccordo.start", "alembic.command", "asyncpg")
"""The worker itself, and what is else imported only when the ledger is opened."""

for name in LATE:
    importlib.import_module(name)
if APP_DIR in os.environ:
    with suppress(ConfigError):  # told by the worker itself
        load(os.environ[APP_DIR])
gc.collect()
gc.freeze()
