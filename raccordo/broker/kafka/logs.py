"""aiokafka's log lines, fewer of them.

aiokafka logs every failed try, ten times a second while a broker is away, and at debug level whole records
and sign-in messages. Here each of its sentences passes once a minute, with the number of repeats, and nothing
below WARNING.
"""

from __future__ import annotations

import logging

QUIET_SECONDS = 60.0

_library = logging.getLogger("aiokafka")


class OnceAMinute(logging.Handler):
    """Passes a library's log records on to `target`, each place in its code once in `QUIET_SECONDS`.

    All of them arrive as WARNING: whether one is an error is decided by who sees its effect.
    """

    def __init__(self, target: logging.Logger) -> None:
        super().__init__(logging.WARNING)
        self._target = target
        self._last: dict[tuple[str, int], float] = {}
        self._repeats: dict[tuple[str, int], int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on, or count it."""
        place = (record.name, record.lineno)
        if record.created - self._last.get(place, -QUIET_SECONDS) < QUIET_SECONDS:
            self._repeats[place] = self._repeats.get(place, 0) + 1
            return
        self._last[place] = record.created
        repeats = self._repeats.pop(place, 0)
        suffix = f" ({repeats} times more in the last minute)" if repeats else ""
        self._target.warning("%s: %s%s", record.name, record.getMessage(), suffix)


def quieten() -> None:
    """Put aiokafka's log behind the handler above; more than once is as good as once."""
    if any(isinstance(handler, OnceAMinute) for handler in _library.handlers):
        return
    _library.addHandler(OnceAMinute(logging.getLogger("raccordo.broker.kafka")))
    _library.setLevel(max(_library.level, logging.WARNING))
    _library.propagate = False
