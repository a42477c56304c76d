"""Promises of pyproject.toml and the lock: digests, no addresses, bounds that were run, extras that live together."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def root(pytestconfig: pytest.Config) -> Path:
    """The top of the repository."""
    return pytestconfig.rootpath


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    """What pyproject.toml says."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def locked(root: Path) -> dict[str, str]:
    """Version by package of the lock file."""
    text = (root / "requirements.lock").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,-]+\])?==([^\s;]+)", text, flags=re.MULTILINE))


def test_the_lock_holds_digests_and_no_addresses(root: Path, locked: dict[str, str]) -> None:
    """Every package is pinned by version and digest; which registry serves it is the machine's business."""
    text = (root / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z0-9])", text)
    assert "://" not in text
    assert len(locked) > 50
    assert [entry.partition("\n")[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_every_locked_version_keeps_its_bound(project: dict[str, Any], locked: dict[str, str]) -> None:
    """What pyproject.toml asks for is what the lock installs, for the core, the extras and the tools."""
    tables = project["project"]["optional-dependencies"] | project["dependency-groups"]
    wanted = [
        Requirement(line)
        for table in (project["project"]["dependencies"], *tables.values())
        for line in table
    ]
    missing = [one.name for one in wanted if not one.specifier.contains(locked.get(one.name.lower(), "0"))]
    assert missing == []


def test_the_wheel_holds_the_core_only(project: dict[str, Any]) -> None:
    """Connectors, flows and schemas are an application beside the core, not a part of it."""
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["raccordo"]


@pytest.mark.parametrize("module", ["faust", "zeep", "testcontainers.community.kafka"])
def test_extras_import_beside_the_core(module: str) -> None:
    """The optional packages of the lock share one environment with the core's versions."""
    code = f"import aiokafka, pydantic, sqlalchemy, {module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_test_package_shadows_another(root: Path) -> None:
    """A dependency (pyodata) installs a top-level `tests`; ours is no package, so neither hides the other."""
    packages = [found.parent.relative_to(root) for found in (root / "tests").rglob("__init__.py")]
    support = {
        ("tests", "support"),
        ("tests", "apps"),
    }  # a path of its own; applications, each with a path of its own
    assert [one for one in packages if one.parts[:2] not in support] == []
