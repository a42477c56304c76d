"""Every environment variable: what it means, what it is unless set, and a file to copy."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from raccordo.broker.settings import KafkaSettings
from raccordo.reference.markdown import code, page, plain, table
from raccordo.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic.fields import FieldInfo
    from pydantic_settings import BaseSettings

    from raccordo.connector import ConnectorConfig

HEAD: Final = """\
# Settings

Written by `python -m raccordo.reference` from the settings themselves; change their descriptions, not this page.

All settings are environment variables. They are read and checked before anything runs, and all problems are told at
once, each with its variable and never with its value. Times are in seconds, sizes in bytes. A variable that is not in
this page is not looked at, so a misspelled name has no effect. Lists of codes are JSON objects: `{"NET30": "NT30"}`.
"""

OTHERS: Final = """\
## Beside the settings

| variable | meaning |
| --- | --- |
| `POD_NAME` | Machine part of the static member id, where `RACCORDO_HOST` is not set. |
| `RACCORDO_DEBUG` | Anything but empty and `0`: commands show tracebacks, as `raccordo --debug` does. |
| `RACCORDO_HOME` | Folder of the development services and of the demonstration; default `.raccordo`. |
| `RACCORDO_FAILPOINTS` | Tests only: where a worker kills itself or fails on purpose. Leave it unset. |
"""

EXAMPLE_HEAD: Final = """\
# Every setting of a worker, with its default. Written by `python -m raccordo.reference`; docs/reference/settings.md
# has the same as a table. Lines without # have no default: fill them in. Keep the filled-in file out of git.
"""


WIDTH: Final = 118
"""Columns of the comments in the file to copy."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable. `default` None: it has to be set; `made`: how a default is found at run time."""

    name: str
    default: str | None
    made: str
    meaning: str
    secret: bool
    allowed: tuple[str, ...] = ()


def variables(settings: type[BaseSettings]) -> list[Variable]:
    """List the variables of a settings class in the order of its fields."""
    prefix = str(settings.model_config.get("env_prefix", ""))
    return [_variable(prefix, name, field) for name, field in settings.model_fields.items()]


def settings_page(connectors: Iterable[type[ConnectorConfig]]) -> str:
    """Write docs/reference/settings.md."""
    sections = [("Worker", variables(Settings)), ("Kafka", variables(KafkaSettings))]
    sections += [(f"System {config.name}", variables(config)) for config in connectors]
    return page(HEAD, *(f"## {title}\n\n{_table(several)}" for title, several in sections), OTHERS)


def env_example(connectors: Sequence[type[ConnectorConfig]]) -> str:
    """Write deploy/env.example: every variable with its default, commented out where it has one."""
    parts = [EXAMPLE_HEAD]
    everything: list[type[BaseSettings]] = [Settings, KafkaSettings, *connectors]
    for settings in everything:
        lines = []
        for one in variables(settings):
            lines += wrap(f"{one.meaning}{_choice(one)}", WIDTH, initial_indent="# ", subsequent_indent="# ")
            lines.append(f"{one.name}=" if one.default is None else f"#{one.name}={one.default}")
        parts.append("\n".join(lines))
    return page(*parts)


def _variable(prefix: str, name: str, field: FieldInfo) -> Variable:
    alias = field.validation_alias
    parts = _parts(field.annotation)
    return Variable(
        name=alias if isinstance(alias, str) else f"{prefix}{name.upper()}",
        default=None if field.is_required() else _spelled(field.default),
        made=plain(inspect.getdoc(field.default_factory) or "") if field.default_factory else "",
        meaning=plain(field.description or ""),
        secret=SecretStr in parts,
        allowed=tuple(
            str(value) for part in parts if get_origin(part) is Literal for value in get_args(part)
        ),
    )


def _spelled(value: Any) -> str:
    if value in (None, "", PydanticUndefined, SecretStr("")):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (set, frozenset)):
        return ",".join(sorted(value))
    if isinstance(value, dict):
        return json.dumps(value)
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _parts(annotation: Any) -> tuple[Any, ...]:
    return (annotation, *get_args(annotation))


def _choice(one: Variable) -> str:
    return f" One of: {', '.join(one.allowed)}." if one.allowed else ""


def _table(several: Sequence[Variable]) -> str:
    return table(
        ("variable", "default", "meaning"),
        (
            (
                code(one.name),
                "**required**" if one.default is None else one.made or code(one.default),
                f"{one.meaning}{_choice(one)}{' Secret.' if one.secret else ''}",
            )
            for one in several
        ),
    )
