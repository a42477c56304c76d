"""`raccordo flows`: what an application joins, and a try of one flow without Kafka."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raccordo.app import load
from raccordo.cli.groups import group, shown
from raccordo.cli.options import HERE, AppDir, Json
from raccordo.cli.output import show, table

if TYPE_CHECKING:
    from raccordo.flow import Flow

app = group("The flows of an application: what they join, and how they behave.")


@app.command("list", epilog=shown("raccordo flows list", "raccordo flows list --app-dir ../shop --json"))
def list_flows(app_dir: AppDir = HERE, as_json: Json = False) -> None:
    """List the flows with their topics, lanes, connectors, outgoing events and policies.

    The wiring of every flow is checked; nothing is connected.
    """
    flows = [described(flow) for flow in load(app_dir).flows]
    headings = ("flow", "reads", "lane", "talks to", "says", "behind a dead letter", "what for")
    show(
        flows,
        lambda: table(
            headings,
            (
                (
                    flow["name"],
                    flow["topic"],
                    flow["lane"],
                    ", ".join(flow["connectors"]),
                    ", ".join(flow["emits"]),
                    flow["on_dead_letter"],
                    flow["purpose"],
                )
                for flow in flows
            ),
        ),
        as_json=as_json,
    )


def described(flow: Flow[..., Any]) -> dict[str, Any]:
    """What a flow says about itself, as JSON values; times in seconds."""
    wiring, info = flow.wiring, flow.contract.info
    return {
        "name": flow.name,
        "topic": info.topic,
        "contract": info.type,
        "lane": flow.lane_field or info.key,
        "connectors": [kind.config_type.name for kind in wiring.connectors.values()],
        "emits": [contract.info.topic for contract in wiring.emits],
        "on_dead_letter": flow.on_dead_letter.value,
        "retry": {"first": flow.retry.first, "cap": flow.retry.cap, "defects": flow.retry.defects},
        "deadline": flow.deadline,
        "purpose": (flow.__doc__ or "").strip().partition("\n")[0],
    }
