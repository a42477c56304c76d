"""The rules that a declared contract keeps before it may be published."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from raccordo.catalogue.findings import Finding, of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from raccordo.event import Contract, ContractInfo

TOPIC = re.compile(r"[a-z][a-z0-9_]{0,99}")
"""Small letters, digits and underscores. Kafka's metrics cannot tell a dot from an underscore, and a dot sets off the
dead letter channel."""


def problems(contracts: Sequence[type[Contract]]) -> list[Finding]:
    """List what is wrong with the declarations: owner, topic, version, key, names that collide."""
    found = [finding for contract in contracts for finding in _alone(contract)]
    return [*found, *_together([contract.info for contract in contracts])]


def _alone(contract: type[Contract]) -> Iterator[Finding]:
    info = contract.info
    if not info.owner.strip():
        yield of(info, "declaration", "owner", 'names nobody to ask; add owner="…" to the class')
    if not TOPIC.fullmatch(info.topic):
        yield of(info, "declaration", "topic", f"{info.topic!r} does not match {TOPIC.pattern}")
    if info.version < 1:
        yield of(info, "declaration", "version", "counts from 1")
    if not info.key:
        yield of(info, "declaration", "key", 'names no field; add key="…", the field that keeps order')
    elif not contract.model_fields[info.key].is_required():
        yield of(
            info, "declaration", "key", f"{info.key} is optional; the key of a record must always be there"
        )
    if info.partitions < 1:
        yield of(info, "declaration", "partitions", "must be 1 or more")
    if info.retention.total_seconds() <= 0:
        yield of(info, "declaration", "retention", "must be more than nothing")
    for name, field in contract.model_fields.items():
        if not field.description:
            yield of(
                info, "declaration", f"$.{name}", "has no description; write a docstring under the field"
            )


def _together(infos: Sequence[ContractInfo]) -> Iterator[Finding]:
    for name, same in _grouped(infos, lambda info: info.type):
        if len(same) > 1:
            yield of(same[0], "declaration", "topic", f"{name} is declared by {_names(same)}")
    for name, same in _grouped(infos, lambda info: f"{info.name} v{info.version}"):
        if len({info.topic for info in same}) > 1:
            yield of(same[0], "declaration", "name", f"{name} stands for several topics")
    for topic, same in _grouped(infos, lambda info: info.topic):
        shared = {(info.owner, info.key, info.partitions, info.retention) for info in same}
        if len(shared) > 1:
            message = f"the versions of {topic} differ in owner, key, partitions or retention; a topic has one of each"
            yield of(same[0], "declaration", "topic", message)


def _grouped(
    infos: Iterable[ContractInfo], key: Callable[[ContractInfo], str]
) -> Iterable[tuple[str, list[ContractInfo]]]:
    groups: dict[str, list[ContractInfo]] = {}
    for info in infos:
        groups.setdefault(key(info), []).append(info)
    return groups.items()


def _names(infos: Iterable[ContractInfo]) -> str:
    return " and ".join(info.name for info in infos)
