"""`raccordo schemas`: publish the contracts as files, and keep what was published readable."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from raccordo import catalogue
from raccordo.app import load_contracts
from raccordo.cli.exits import ExitCode
from raccordo.cli.groups import group, shown
from raccordo.cli.options import HERE, AppDir, Json
from raccordo.cli.output import note, show, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from raccordo.catalogue import Finding

app = group(
    "The published schemas of the contracts: export and check.\n\n"
    "From the contracts listed in schemas.CONTRACTS come a JSON Schema per version and an AsyncAPI document "
    "(schemas/published) and the list of topics (deploy/topics.yaml). Commit them; `check` fails on drift, and on a "
    "change that breaks readers or writers of a published version."
)

Unreleased = Annotated[
    bool,
    typer.Option(
        "--unreleased",
        help="Break a published version all the same: it has never been used outside this desk.",
    ),
]


@app.command(epilog=shown("raccordo schemas export", "raccordo schemas export --app-dir ../shop --json"))
def export(app_dir: AppDir = HERE, unreleased: Unreleased = False, as_json: Json = False) -> None:
    """Write the schemas, the AsyncAPI document and the topics file; list what changed.

    Nothing is written when a contract is badly declared or when a published version would break: give the changed
    contract the next version instead, and keep the old one while records of it are read.
    """
    changed = catalogue.export(load_contracts(app_dir), app_dir, unreleased=unreleased)
    if not changed:
        note("Everything was up to date.")
    if changed or as_json:
        show(changed, lambda: table(("written",), ((path,) for path in changed)), as_json=as_json)


@app.command(epilog=shown("raccordo schemas check", "raccordo schemas check --json"))
def check(app_dir: AppDir = HERE, as_json: Json = False) -> None:
    """Compare the contracts with the committed files; ends with 1 when something is wrong.

    Says for each finding what it is (declaration, breaking, drift), which contract, who owns it, which field, and what
    to do.
    """
    findings = catalogue.check(load_contracts(app_dir), app_dir)
    if not findings:
        note("The published schemas agree with the contracts.")
    if findings or as_json:
        show([asdict(finding) for finding in findings], lambda: _drawn(findings), as_json=as_json)
    if findings:
        raise typer.Exit(ExitCode.WRONG)


def _drawn(findings: Sequence[Finding]) -> Table:
    headings = ("what", "contract", "owner", "where", "why")
    return table(
        headings, ((found.kind, found.contract, found.owner, found.path, found.message) for found in findings)
    )
