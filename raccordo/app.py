"""An application: the contracts and flows that a folder lists, checked before anything runs."""

from __future__ import annotations

import importlib
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raccordo.errors import ConfigError
from raccordo.event import Contract
from raccordo.flow import Flow
from raccordo.wiring import Unwirable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from raccordo.connector import Connector


@dataclass(frozen=True, slots=True)
class App:
    """What an application directory contains."""

    directory: Path
    contracts: tuple[type[Contract], ...]
    flows: tuple[Flow[..., Any], ...]

    @property
    def connectors(self) -> tuple[type[Connector[Any, Any]], ...]:
        """The connector classes that the flows use, each once, in the order of their first use."""
        used = (kind for flow in self.flows for kind in flow.wiring.connectors.values())
        return tuple(dict.fromkeys(used))

    def flow(self, name: str) -> Flow[..., Any]:
        """Find a flow by name. Raises ConfigError that lists the names there are."""
        for flow in self.flows:
            if flow.name == name:
                return flow
        message = (
            f"there is no flow {name!r}; there are: {', '.join(flow.name for flow in self.flows) or 'none'}"
        )
        raise ConfigError(message)

    def only(self, names: Sequence[str]) -> App:
        """Keep the named flows (none named: all). Raises ConfigError for an unknown name."""
        return (
            App(self.directory, self.contracts, tuple(self.flow(name) for name in names)) if names else self
        )


def load(directory: str | Path = ".") -> App:
    """Load ``schemas.CONTRACTS`` and ``flows.FLOWS`` of a folder and check the wiring of every flow.

    The folder is put first on the import path. Raises ConfigError with every problem at once.
    """
    root = Path(directory).resolve()
    if not root.is_dir():
        message = f"application directory {root} does not exist; name one with --app-dir"
        raise ConfigError(message)
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    contracts: tuple[type[Contract], ...] = ()
    flows: tuple[Flow[..., Any], ...] = ()
    problems: list[str] = []
    try:
        contracts = load_contracts(root)
    except ConfigError as error:
        problems.extend(error.problems)
    try:
        flows = tuple(_listed("flows", "FLOWS", Flow, root))
    except ConfigError as error:
        problems.extend(error.problems)
    problems.extend(_wiring_problems(flows))
    if problems:
        raise ConfigError(tuple(dict.fromkeys(problems)))
    return App(root, contracts, flows)


def load_contracts(directory: str | Path = ".") -> tuple[type[Contract], ...]:
    """Load ``schemas.CONTRACTS`` of a folder without its flows. Raises ConfigError."""
    root = Path(directory).resolve()
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return tuple(
        contract
        for contract in _listed("schemas", "CONTRACTS", type, root)
        if issubclass(contract, Contract) and hasattr(contract, "info")
    )


def _listed(package: str, name: str, kind: type, root: Path) -> list[Any]:
    module = _import(package, root)
    listed = getattr(module, name, None)
    if not isinstance(listed, (tuple, list)) or not all(isinstance(item, kind) for item in listed):
        message = (
            f"{package}/__init__.py must list `{name} = (…,)`, with nothing but {kind.__name__} objects in it"
        )
        raise ConfigError(message)
    return list(listed)


def _import(package: str, root: Path) -> ModuleType:
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise ConfigError(_broken(package, root, error)) from error
        message = (
            f"there is no package {package!r} in {root}; run inside an application or name one with --app-dir"
        )
        raise ConfigError(message) from error
    except Exception as error:  # whatever the application's own code raises
        raise ConfigError(_broken(package, root, error)) from error


def _broken(package: str, root: Path, error: Exception) -> str:
    """Say why a package cannot be imported, with the innermost place in the application."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [
        f"{frame.filename}:{frame.lineno}" for frame in frames if Path(frame.filename).is_relative_to(root)
    ]
    said: object = error
    if isinstance(error, SyntaxError):
        places.append(f"{error.filename}:{error.lineno}")
        said = error.msg
    where = places[-1] if places else package
    return f"{where}: {type(error).__name__}: {said}"


def _wiring_problems(flows: Sequence[Flow[..., Any]]) -> list[str]:
    problems: list[str] = []
    seen: set[str] = set()
    for flow in flows:
        if flow.name in seen:
            problems.append(
                f"flow {flow.name!r} is listed twice: a flow's name is its consumer group and must be its own"
            )
        seen.add(flow.name)
        try:
            _ = flow.wiring
        except Unwirable as error:
            problems.extend(error.problems)
    return problems
