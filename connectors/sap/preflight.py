"""Whether SAP could take an order now: reachable, signed in, in the right client, with the fields that we write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.sap.preset import READ_ONLY
from raccordo.connector import Finding
from raccordo.errors import ConnectorError, Missing, Rejected, Unauthorized, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from connectors.sap.preset import Preset
    from connectors.sap.settings import SapConfig
    from raccordo.wire.odata import EntityType, Metadata, OData


async def findings(config: SapConfig, wire: OData) -> list[Finding]:
    """Look at all of it, reading only. What cannot be looked at for an earlier reason is left out."""
    layout = config.layout
    metadata: Metadata | None = None
    found: list[Finding] = []
    try:
        metadata = await wire.metadata(layout.service)
        found.append(
            Finding("connection", ok=True, detail=f"{config.url} answers, and our sign-in is accepted")
        )
    except Rejected as error:
        found.append(_failure("metadata", error, config))
        if isinstance(error, Missing):
            return found
    except ConnectorError as error:
        return [_failure("connection", error, config)]
    if metadata is not None:
        found.extend(_fields(layout, metadata, config))
    found.append(await _try("sales orders can be read", config, lambda: _read_one(layout, wire)))
    if config.csrf:
        found.append(
            await _try("a token for writes can be had", config, lambda: wire.sign_in(layout.service))
        )
    return found


async def _read_one(layout: Preset, wire: OData) -> None:
    """Read at most one order, which shows that the client exists and that we may look orders up."""
    async for _ in wire.list(
        layout.service, layout.entity_set, {}, operation="check", parameters={"$top": "1"}
    ):
        return


async def _try(subject: str, config: SapConfig, look: Callable[[], Awaitable[None]]) -> Finding:
    try:
        await look()
    except ConnectorError as error:
        return _failure(subject, error, config)
    return Finding(subject, ok=True)


def _failure(subject: str, error: ConnectorError, config: SapConfig) -> Finding:
    name = config.environment_name
    if isinstance(error, Unauthorized):
        ways = f"{name('user')} and {name('password')} (or {name('token_url')}, {name('certificate')})"
        remedy = f"Check {ways}, and our rights."
    elif isinstance(error, Missing):
        remedy = (
            f"Check {name('service')}, {name('entity_set')} and {name('preset')}: there is no such service."
        )
    elif isinstance(error, Unavailable):
        remedy = f"Check {name('url')} and the network."
    else:
        remedy = f"Check {name('client')}, {name('service')} and {name('preset')}."
    return Finding(subject, ok=False, detail=str(error), remedy=remedy)


def _fields(layout: Preset, metadata: Metadata, config: SapConfig) -> Iterator[Finding]:
    """Compare every role with what the service says about itself."""
    root = metadata.type_of(layout.entity_set)
    if root is None:
        yield Finding(
            "entity set",
            ok=False,
            detail=f"the service has no entity set {layout.entity_set}",
            remedy=f"Set {config.environment_name('entity_set')} to one of: {', '.join(sorted(metadata.sets))}.",
        )
        return
    yield Finding("entity set", ok=True, detail=layout.entity_set)
    problems = list(_missing(layout, metadata, root, config))
    yield from problems or [
        Finding("fields", ok=True, detail="the service has every field that is written or read")
    ]


def _missing(layout: Preset, metadata: Metadata, root: EntityType, config: SapConfig) -> Iterator[Finding]:
    types = _types(layout, metadata, root)
    for role, place in sorted(layout.places.items()):
        owner = types[_prefix(role)]
        if not place.name or owner is None or role in READ_ONLY or not _is_used(role, config):
            continue  # what is only read may be absent
        setting = config.environment_name("fields")
        rename = f'Set {setting} to {{"{role}": "<its name there>"}}, or to {{"{role}": ""}} to leave it out.'
        if role in layout.navigations:
            if place.name not in owner.navigations:
                yield Finding(
                    f"field {role}", ok=False, detail=f"{owner.name} leads to no {place.name}", remedy=rename
                )
            continue
        field = owner.properties.get(place.name)
        if field is None:
            yield Finding(
                f"field {role}", ok=False, detail=f"{owner.name} has no {place.name}", remedy=rename
            )
        elif not field.creatable:
            yield Finding(
                f"field {role}",
                ok=False,
                detail=f"{owner.name}.{place.name} cannot be written",
                remedy=rename,
            )
        elif field.max_length and place.max_length and field.max_length < place.max_length:
            detail = f"{owner.name}.{place.name} takes {field.max_length} characters, published are {place.max_length}"
            yield Finding(
                f"field {role}", ok=True, detail=detail, remedy="SAP refuses longer values; we do not know."
            )


def _types(layout: Preset, metadata: Metadata, root: EntityType) -> dict[str, EntityType | None]:
    """Return the entity type that the roles of each prefix stand in; None where nothing leads there."""
    item = metadata.target(root, layout.places["items"].name)
    types: dict[str, EntityType | None] = {"": root}
    for navigation, prefix in layout.navigations.items():
        owner = item if navigation.startswith("item.") else root
        types[prefix] = metadata.target(owner, layout.places[navigation].name) if owner else None
    return types


def _prefix(role: str) -> str:
    return role.rpartition(".")[0]


def _is_used(role: str, config: SapConfig) -> bool:
    """Tell whether the settings make us write a role at all."""
    if role == "item.prices":
        return bool(config.price_condition)
    if role in ("texts", "item.texts"):
        return bool(config.text_id or config.text_ids)
    return True
