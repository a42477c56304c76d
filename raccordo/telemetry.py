"""Logs: one JSON object a line, only with fields from a list, never with a payload or a secret."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Final, TextIO

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

FIELDS: Final = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "attempt",
        "contract",
        "correlation_id",
        "count",
        "error_class",
        "event_id",
        "exit_code",
        "flow",
        "host",
        "lag_seconds",
        "offset",
        "operation",
        "partition",
        "pid",
        "reason",
        "slot",
        "status",
        "system",
        "tenant",
        "topic",
        "where",
        "worker",
    }
)
"""All that a log line may carry. Another field is dropped, and its name (not its value) is told in ``dropped``."""

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def allow_fields(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Keep the fields of the list; of an exception keep its class and its places, not its text."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["where"] = _places(error)
        event.setdefault("error_class", type(error).__name__)
    dropped = sorted(set(event) - FIELDS)
    for name in dropped:
        del event[name]
    if dropped:
        event["dropped"] = dropped
    return event


def configure(level: str = "info", stream: TextIO | None = None) -> FilteringBoundLogger:
    """Set logging up for this process and return its logger. Lines go to stderr unless told otherwise."""
    out = stream or sys.stderr
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            allow_fields,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    for noisy in ("aiokafka", "kafka", "httpx", "httpcore", "sqlalchemy", "alembic", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def _places(error: BaseException) -> list[str]:
    places: list[Any] = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}:{code.co_name}")
        trace = trace.tb_next
    return places[-8:]
