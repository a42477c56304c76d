"""`raccordo dead redrive`: choose, show, ask, redrive, tell."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from raccordo.cli.exits import ExitCode
from raccordo.cli.letters import Error, Saying, Since, States, Topic, Until, Wanted, found, now, wanted_from
from raccordo.cli.options import Actor, FlowName, Json, Reason, Tenant, Yes, acting
from raccordo.cli.output import agreed, console, note, plain, progress, show, table
from raccordo.cli.services import settings
from raccordo.clock import SystemClock
from raccordo.errors import ConfigError
from raccordo.ledger import State
from raccordo.ledger.findings import LaneId
from raccordo.ledger.inspection import Inspection, opened
from raccordo.ledger.intervention import Act, Intervention
from raccordo.redrive import Letter, Outcome, Plan, redrive, refuse_forgotten

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from rich.console import RenderableType

    from raccordo.ledger.findings import DeadLetter
    from raccordo.redrive import Report
    from raccordo.settings import Settings

SHOWN: Final = 20
"""Letters of a preview that a person sees; the counts are of all."""


class LedgerDesk:
    """The ledger as a redrive needs it. `refusals` keeps the ledger's sentence for each letter that it refused."""

    def __init__(
        self,
        inspection: Inspection,
        intervention: Intervention,
        letters: Sequence[DeadLetter],
        *,
        actor: str,
        reason: str,
        ttl: float,
    ) -> None:
        self.refusals: dict[str, str] = {}
        self._inspection = inspection
        self._intervention = intervention
        self._actor = actor
        self._reason = reason
        self._ttl = int(ttl * 1000)
        self._buried = {
            letter.id: LaneId(letter.flow, letter.topic, letter.partition, letter.lane)
            for letter in letters
            if not letter.contract
        }

    async def redrive(self, letter_id: str) -> bool:
        """Send one letter on its way, with an entry in the audit."""
        act = Act(self._actor, self._reason, now())
        (answer,) = await self._intervention.redrive([letter_id], act, ttl=self._ttl)
        if not answer.done:
            self.refusals[letter_id] = answer.sentence
        return answer.done

    async def states(self, ids: Collection[str]) -> Mapping[str, State | None]:
        """How the events stand. A record that was no event is under way as long as its lane waits."""
        states = await self._inspection.states(ids)
        for letter_id in ids:
            lane = self._buried.get(letter_id)
            if lane is not None and await self._inspection.lane(lane, limit=1) is not None:
                states[letter_id] = State.PARKED
        return states


def redrive_dead(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="Ids that `dead list` shows.", show_default=False),
    ] = None,
    flow: FlowName = None,
    tenant: Tenant = None,
    topic: Topic = None,
    error: Error = None,
    saying: Saying = None,
    since: Since = None,
    until: Until = None,
    state: States = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All dead letters that the filters leave.")
    ] = False,
    canary: Annotated[int, typer.Option(min=0, metavar="N", help="Letters that must end well first.")] = 1,
    rate: Annotated[float, typer.Option(min=0, metavar="N", help="Letters a second; 0: no limit.")] = 10.0,
    stop_after: Annotated[
        int, typer.Option("--stop-after-failures", min=1, metavar="N", help="Stop when so many failed again.")
    ] = 5,
    patience: Annotated[
        float,
        typer.Option(
            min=0, metavar="SECONDS", help="Longest wait for canaries, and for the rest at the end."
        ),
    ] = 60.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be redriven, and end.")] = False,
    reason: Reason = "",
    actor: Actor = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Send dead letters on their way again, with their old ids, a few first.

    Letters are named by id, or chosen by filters; by filters only dead ones are chosen, and refused ones with --state
    rejected. The selection is made once, shown, and does not grow. In each lane the order stays. What was done for an
    event before is not done again. Whose call is in doubt is settled first: see `raccordo doubts`.

    A worker of the flow has to run. Exit code 1 if anything failed again or was not sent, 4 for letters so old that the
    ledger may have forgotten what was done for them.
    """
    config = settings()
    wanted = wanted_from(config, flow, tenant, topic, error, saying, since, until)
    if not (ids or wanted.narrows or everything or state):
        raise ConfigError("say which letters: their ids, a filter (--flow, --error, --since...), or --all")
    if not (reason or dry_run):
        raise ConfigError("say why, for the audit: --reason TEXT")
    letters = asyncio.run(_chosen(config.ledger, ids or [], wanted, state or [State.DEAD]))
    plan = Plan(canary=canary, rate=rate, stop_after_failures=stop_after, patience=patience)
    frozen = [Letter(letter.id, letter.last_at, letter.published_at) for letter in letters]
    refuse_forgotten(frozen, horizon=config.redrive_horizon, ttl=config.ledger_ttl, now=now())
    if dry_run or not letters:
        show(_preview(letters, plan), lambda: _drawn_preview(letters, plan), as_json=as_json)
        return
    if not as_json:
        console(stderr=True).print(_drawn_preview(letters, plan))
    agreed(f"Redrive these {len(letters)} letters?", yes=yes)
    report, refusals = asyncio.run(
        _redrive(config, letters, frozen, plan, acting(actor), reason, as_json=as_json)
    )
    show(
        _result(letters, report, refusals), lambda: _drawn_result(letters, report, refusals), as_json=as_json
    )
    if report.stopped and not as_json:
        note(f"Stopped: {report.stopped}. {report.count(Outcome.HELD_BACK)} letters were not touched.")
    if report.count(Outcome.DONE) < len(letters):
        raise typer.Exit(ExitCode.WRONG)


async def _chosen(
    url: str, ids: Sequence[str], wanted: Wanted, states: Collection[State]
) -> list[DeadLetter]:
    """Make the selection, in the order in which lanes are to be worked off. Raises ConfigError for an unknown id."""
    async with opened(url) as database:
        inspection = Inspection(database)
        if ids:
            records = {one: await inspection.show(one) for one in dict.fromkeys(ids)}
            unknown = [one for one, record in records.items() if record is None]
            if unknown:
                raise ConfigError([f"there is no dead letter with the id {one!r}" for one in unknown])
            letters = [record.letter for record in records.values() if record is not None]
            letters = [letter for letter in letters if wanted.takes(letter)]
        else:
            letters = [letter async for letter in found(inspection, wanted, states)]
    return sorted(letters, key=lambda letter: (letter.flow, letter.topic, letter.partition, letter.offset))


async def _redrive(
    config: Settings,
    letters: Sequence[DeadLetter],
    frozen: Sequence[Letter],
    plan: Plan,
    actor: str,
    reason: str,
    *,
    as_json: bool,
) -> tuple[Report, Mapping[str, str]]:
    async with opened(config.ledger) as database:
        desk = LedgerDesk(
            Inspection(database),
            Intervention(database),
            letters,
            actor=actor,
            reason=reason,
            ttl=config.ledger_ttl,
        )
        with progress(as_json=as_json) as bar:
            task = bar.add_task("redrive", total=len(frozen))
            report = await redrive(
                frozen, desk, plan, SystemClock(), told=lambda _letter, _outcome: bar.advance(task)
            )
        return report, desk.refusals


def _preview(letters: Sequence[DeadLetter], plan: Plan) -> dict[str, Any]:
    return {
        "selected": len(letters),
        "canary": min(plan.canary, len(letters)),
        "rate": plan.rate,
        "stop_after_failures": plan.stop_after_failures,
        "letters": [letter.as_json() for letter in letters],
    }


def _drawn_preview(letters: Sequence[DeadLetter], plan: Plan) -> RenderableType:
    from rich.console import Group as Stack  # noqa: PLC0415 - only a person needs it
    from rich.text import Text  # noqa: PLC0415 - as above

    if not letters:
        return Text("There is no such dead letter.")
    counted = Counter((letter.flow, letter.state, letter.error) for letter in letters)
    rows = ((*what, number) for what, number in counted.most_common())
    speed = f"at most {plan.rate:g} a second" if plan.rate else "without a limit of rate"
    first = (
        f"{min(plan.canary, len(letters))} first; when they end well, the others" if plan.canary else "all"
    )
    shown = [f"  {letter.id}  {letter.error}: {letter.reason}" for letter in letters[:SHOWN]]
    if len(letters) > SHOWN:
        shown.append(f"  and {len(letters) - SHOWN} more")
    rules = f"{first}, {speed}; stop after {plan.stop_after_failures} failures"
    return Stack(
        table(("flow", "state", "error", "letters"), rows), Text(plain("\n".join(shown))), Text(rules)
    )


def _result(letters: Sequence[DeadLetter], report: Report, refusals: Mapping[str, str]) -> dict[str, Any]:
    return {
        "selected": len(letters),
        "stopped": report.stopped,
        "outcomes": {outcome.value: report.count(outcome) for outcome in Outcome},
        "letters": [
            {
                "id": letter.id,
                "event_id": letter.event_id,
                "outcome": report.outcomes[letter.id].value,
                "sentence": refusals.get(letter.id, ""),
            }
            for letter in letters
        ],
    }


def _drawn_result(
    letters: Sequence[DeadLetter], report: Report, refusals: Mapping[str, str]
) -> RenderableType:
    counted: Counter[tuple[str, str]] = Counter(
        (report.outcomes[letter.id].value, refusals.get(letter.id, "")) for letter in letters
    )
    rows = ((outcome, number, sentence) for (outcome, sentence), number in counted.most_common())
    return table(("outcome", "letters", "why"), rows)
