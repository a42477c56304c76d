"""`raccordo connectors`: the settings of every system, and whether it could be worked with now."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from pydantic import SecretBytes, SecretStr

from raccordo.app import load
from raccordo.cli.exits import ExitCode, exit_code
from raccordo.cli.groups import group, shown
from raccordo.cli.options import HERE, AppDir, Json
from raccordo.cli.output import show, table
from raccordo.errors import ConfigError, RaccordoError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydantic.fields import FieldInfo
    from rich.console import RenderableType

    from raccordo.connector import Connector, ConnectorConfig

WORST: Final = (ExitCode.USAGE, ExitCode.UNREACHABLE, ExitCode.WRONG)
"""What decides the exit code when several connectors fail differently, first one first."""

app = group("The systems that flows talk to: their settings and their health.")

Names = Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Which systems; default: all.")]


@app.command("list", epilog=shown("raccordo connectors list", "raccordo connectors list sap --json"))
def list_connectors(names: Names = None, app_dir: AppDir = HERE, as_json: Json = False) -> None:
    """List the settings of every connector: their variables, defaults and meaning.

    Values of the environment are not shown, only whether there is one.
    """
    found = [described(kind) for kind in chosen(app_dir, names or [])]
    show(found, lambda: _settings_tables(found), as_json=as_json)


@app.command(epilog=shown("raccordo connectors check", "raccordo connectors check sap --json"))
def check(names: Names = None, app_dir: AppDir = HERE, as_json: Json = False) -> None:
    """Find out, read-only, whether the connectors could do their work now.

    Each is opened with the settings of the environment and asked to check itself: whether the system answers, whether
    it takes our credentials, whether it has what we use. Exit code 1 if anything is not well, 2 for missing or wrong
    settings, 3 for a system that cannot be reached.
    """
    results = [asyncio.run(_checked(kind)) for kind in chosen(app_dir, names or [])]
    show(results, lambda: _findings_table(results), as_json=as_json)
    codes = {result["exit_code"] for result in results}
    worst = next((code for code in WORST if code in codes), None)
    if worst is not None:
        raise typer.Exit(worst)


def chosen(app_dir: Path, names: Sequence[str]) -> list[type[Connector[Any, Any]]]:
    """The connectors of an application, or those named by system or by class. Raises ConfigError."""
    kinds = load(app_dir).connectors
    by_name = {name: kind for kind in kinds for name in (kind.__name__, kind.config_type.name)}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        there = ", ".join(kind.config_type.name for kind in kinds) or "none"
        raise ConfigError([f"there is no connector {name!r}; there are: {there}" for name in unknown])
    return list(dict.fromkeys(by_name[name] for name in names)) or list(kinds)


def described(kind: type[Connector[Any, Any]]) -> dict[str, Any]:
    """A connector with its operations and settings, as JSON values."""
    config = kind.config_type
    return {
        "name": config.name,
        "class": kind.__name__,
        "purpose": (kind.__doc__ or "").strip().partition("\n")[0],
        "operations": {
            operation.name: operation.once if operation.writes else "read"
            for operation in kind.operations.values()
        },
        "settings": [_setting(config, name, field) for name, field in config.model_fields.items()],
    }


def _setting(config: type[ConnectorConfig], name: str, field: FieldInfo) -> dict[str, Any]:
    variable = config.environment_name(name)
    secret = field.annotation is not None and any(
        kind in _parts(field.annotation) for kind in (SecretStr, SecretBytes)
    )
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    return {
        "variable": variable,
        "required": field.is_required(),
        "default": _spelled(default),
        "secret": secret,
        "set": variable in os.environ,
        "description": field.description or "",
    }


def _parts(annotation: Any) -> tuple[Any, ...]:
    return (annotation, *getattr(annotation, "__args__", ()))


def _spelled(default: Any) -> Any:
    """A default as a JSON value: what is no JSON is spelled as text, which for a secret is asterisks."""
    return json.loads(json.dumps(default, default=str))


def _written(setting: dict[str, Any]) -> str:
    """A default as it would be written into the variable."""
    default = setting["default"]
    if setting["required"]:
        return "required"
    return default or "" if default is None or isinstance(default, str) else json.dumps(default)


async def _checked(kind: type[Connector[Any, Any]]) -> dict[str, Any]:
    """Open a connector, let it check itself, and say how that ended."""
    findings: list[dict[str, Any]] = []
    code = ExitCode.OK
    try:
        async with kind.open() as connector:
            findings = [asdict(finding) for finding in await connector.check()]
    except ConfigError as error:
        code = exit_code(error)
        findings = [
            _bad("settings", problem, "set the variable in the environment") for problem in error.problems
        ]
    except RaccordoError as error:
        code = exit_code(error)
        findings = [_bad("connection", str(error), "see that the system is up and that its address is right")]
    if code is ExitCode.OK and any(not finding["ok"] for finding in findings):
        code = ExitCode.WRONG
    return {
        "name": kind.config_type.name,
        "class": kind.__name__,
        "ok": code is ExitCode.OK,
        "exit_code": int(code),
        "findings": findings,
    }


def _bad(subject: str, detail: str, remedy: str) -> dict[str, Any]:
    return {"subject": subject, "ok": False, "detail": detail, "remedy": remedy}


def _settings_tables(found: Sequence[dict[str, Any]]) -> RenderableType:
    from rich.console import Group as Stack  # noqa: PLC0415 - only a person needs it

    return Stack(
        *(
            table(
                ("variable", "default", "set", "meaning"),
                (
                    (
                        setting["variable"],
                        _written(setting),
                        "yes" if setting["set"] else "",
                        setting["description"],
                    )
                    for setting in connector["settings"]
                ),
                title=f"{connector['name']} ({connector['class']})",
            )
            for connector in found
        )
    )


def _findings_table(results: Sequence[dict[str, Any]]) -> RenderableType:
    rows = []
    for result in results:
        if not result["findings"]:
            rows.append((result["name"], "", "well", "it has nothing to check", ""))
        for finding in result["findings"]:
            state = "well" if finding["ok"] else "NOT WELL"
            remedy = "" if finding["ok"] else finding["remedy"]
            rows.append((result["name"], finding["subject"], state, finding["detail"], remedy))
    return table(("system", "looked at", "state", "found", "what to do"), rows)
