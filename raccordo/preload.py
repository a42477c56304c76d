"""What the supervisor's fork server loads once, so that a worker which died is back at work in a moment.

Importing everything takes seconds of processor time; a fork of a process that has it takes milliseconds.
"""

from __future__ import annotations

import gc
import os
from contextlib import suppress
from typing import Final

import alembic.command  # noqa: F401 - the ledger's start looks at its migrations
import asyncpg  # noqa: F401 - imported by SQLAlchemy when it connects

import raccordo.start  # noqa: F401 - the worker itself
from raccordo.app import load
from raccordo.errors import ConfigError

APP_DIR: Final = "RACCORDO_PRELOAD_APP_DIR"

if APP_DIR in os.environ:
    with suppress(ConfigError):  # told by the worker itself
        load(os.environ[APP_DIR])
gc.collect()
gc.freeze()
