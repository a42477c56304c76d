from __future__ import annotations

import json
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from shell import Shell

SCHEMAS = '''
    from raccordo.event import Contract

    class Placed(Contract, topic="orders", key="customer", owner="OWNER"):
        """An order was placed."""

        customer: str
        """Who."""
        order: str
        """Which."""

    CONTRACTS = (Placed,)
'''


def declare(application: Path, owner: str = "sales") -> str:
    """Write the application's contracts, with the docstrings that a published field needs."""
    (application / "schemas/__init__.py").write_text(
        dedent(SCHEMAS).replace("OWNER", owner), encoding="utf-8"
    )
    return str(application)


def test_check_ends_with_1_until_export_has_written_the_files(raccordo: Shell, application: Path) -> None:
    folder = declare(application)
    findings = raccordo.json("schemas", "check", "--app-dir", folder, code=1)
    assert [finding["kind"] for finding in findings] == ["drift"] * 3
    assert "raccordo schemas export" in findings[0]["message"]
    assert raccordo.json("schemas", "export", "--app-dir", folder) == [
        "schemas/published/orders/v1.json",
        "schemas/published/asyncapi.yaml",
        "deploy/topics.yaml",
    ]
    assert raccordo.json("schemas", "check", "--app-dir", folder) == []
    assert "up to date" in raccordo("schemas", "export", "--app-dir", folder).output


def test_a_breaking_change_ends_with_1_and_names_field_topic_and_owner(
    raccordo: Shell, application: Path
) -> None:
    folder = declare(application)
    assert raccordo("schemas", "export", "--app-dir", folder).exit_code == 0
    file = application / "schemas/published/orders/v1.json"
    schema = json.loads(file.read_text())
    schema["properties"]["gone"] = {"type": "string"}
    file.write_text(json.dumps(schema))
    result = raccordo("schemas", "check", "--app-dir", folder)
    assert result.exit_code == 1
    for word in ("breaking", "orders v1", "sales", "$.gone", "raise the version"):
        assert word in result.output


def test_a_contract_without_owner_is_not_exported(raccordo: Shell, application: Path) -> None:
    folder = declare(application, owner="")
    result = raccordo("schemas", "export", "--app-dir", folder)
    assert result.exit_code == 2
    assert "names nobody to ask" in result.output
    assert not (application / "schemas/published").exists()
    [finding] = raccordo.json("schemas", "check", "--app-dir", folder, code=1)
    assert (finding["kind"], finding["path"]) == ("declaration", "owner")
