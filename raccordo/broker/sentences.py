"""What an operator is told when the broker and we disagree; the same words from every adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from raccordo.broker import Partition, Topic

UNFLUSHED = (
    "The producer was stopped before the broker had acknowledged the record; it may be written or not."
)


def missing_topics(names: Iterable[str]) -> list[str]:
    """One sentence for each topic that is not there."""
    return [
        f"The topic {name} does not exist, or these credentials may not see it. "
        "Topics are never made by accident: run `raccordo topics apply`."
        for name in sorted(names)
    ]


def missing_topic(name: str) -> str:
    """The sentence for one topic that is not there."""
    return missing_topics([name])[0]


def member_taken_over(member: str, group: str) -> str:
    """Two processes with one member id."""
    return (
        f"Another process has joined group {group} as member {member}; only the newest one reads. "
        "End one of the two, or give each process its own name (POD_NAME, or another slot)."
    )


def commit_refused(group: str, partitions: Iterable[Partition]) -> str:
    """The group does not take these positions from us."""
    names = ", ".join(str(partition) for partition in sorted(partitions))
    return f"Group {group} refused the commit for {names}: this member does not own them (any more)."


def out_of_range(group: str, lost: Mapping[Partition, tuple[int, int, int]]) -> str:
    """Positions that the log does not hold; the values are (position, first offset held, next one)."""
    parts = []
    for partition, (position, begin, end) in sorted(lost.items()):
        if position < begin:
            parts.append(
                f"{begin - position} records of {partition} were deleted before group {group} had read them "
                f"(position {position}, the log begins at {begin})"
            )
        else:
            parts.append(
                f"group {group} stands at {position} of {partition}, which ends at {end}: "
                "the topic was made anew or lost its tail"
            )
    return (
        f"{'; '.join(parts)}. Nothing is skipped silently: find out what is missing, "
        f"stop the flow, then go on with `raccordo topics seek {group} {min(lost)} begin`."
    )


def group_has_members(group: str) -> str:
    """A group that cannot be moved now."""
    return (
        f"Group {group} has members, so its position cannot be moved. Stop its flow first; "
        "a static member stays until its session times out."
    )


def other_shape(known: Topic, wanted: Topic) -> str:
    """A topic that exists otherwise than asked for."""
    return f"The topic {known.name} exists with {known.partitions} partitions, not {wanted.partitions}."
