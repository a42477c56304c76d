"""Proves that the suite can fail: breaks one rule in a copy of the project and runs the tests that guard it.

    .venv/bin/python tests/variants/broken.py             list the variants
    .venv/bin/python tests/variants/broken.py NAME...     try some; `all`: every one

Ends with 0 when every broken variant turned its tests red.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
COPIED = ("raccordo", "connectors", "flows", "schemas", "demo", "tests", "pyproject.toml")
DEADLINE = 120.0


class Variant(NamedTuple):
    """A text in a file and the broken text in its place; `tests` have to notice."""

    file: str
    right: str
    broken: str
    tests: str


VARIANTS = {
    "commit-before-confirm": Variant(
        "raccordo/lanes.py",
        "            outcome = await self._carry(record, event, lane)\n            queue.popleft()\n"
        "            self.watermark.done(record.offset)\n",
        "            self.watermark.done(record.offset)\n"
        "            outcome = await self._carry(record, event, lane)\n            queue.popleft()\n",
        "tests/line/test_lanes.py -k moves_no_offset",
    ),
    "parked-in-memory-only": Variant(
        "raccordo/pipeline.py",
        "        await line.ledger.park(_parking(turn, claim.event_key, end, calls, line))\n",
        "",
        "tests/line/test_lanes.py -k middle_of_a_drain",
    ),
    "no-epoch-check": Variant(
        "raccordo/ledger/memory.py",
        "            if sequence is not None:\n                self.sequences[grant] = sequence\n",
        "            self.sequences[grant] = sequence or 0\n",
        "tests/line/test_lanes.py -k overtaken",
    ),
    "retry-on-unknown": Variant(
        "raccordo/calls.py",
        "            if effect.state in DOUBTFUL:\n                effect, found",
        "            if effect.state is None:\n                effect, found",
        "tests/line/test_carry.py -k lost_answer_is_looked_up",
    ),
    "look-counts-before-settle": Variant(
        "raccordo/calls.py",
        "        if asked_at < effect.settle_at:",
        "        if asked_at < 0:",
        "tests/line/test_carry.py -k after_our_first_look",
    ),
    "done-before-parked-is-durable": Variant(
        "raccordo/lanes.py",
        "            record = waiting[0]\n",
        "            record = waiting[0]\n            self.watermark.done(record.offset)\n",
        "tests/line/test_lanes.py -k while_a_lane_is_parked",
    ),
    "outbox-left-behind": Variant(
        "raccordo/member.py",
        "        await line.publish(await ledger.outbox([one.grant for one in known]))\n",
        "",
        "tests/line/test_lanes.py -k dead_owner",
    ),
    "dedupe-before-effect": Variant(
        "raccordo/pipeline.py",
        "(standing.state is not None and standing.state.terminal)",
        "standing.state is not None",
        "tests/line/test_calls.py -k crash_between",
    ),
    "append-in-any-order": Variant(
        "raccordo/lanes.py",
        "        if lane in self._appending:\n            self._appending[lane].append(record)\n        else:\n"
        "            self._appending[lane] = deque([record])\n            self._spawn(self._queue(lane))\n",
        "        self._appending.setdefault(lane, deque())\n        self._spawn(self._anyhow(lane, record))\n\n"
        "    async def _anyhow(self, lane: str, record: Record) -> None:\n"
        "        now = self._line.clock.now()\n"
        "        await self._insist(lambda: self._line.ledger.queue(self.grant, lane, record, now))\n"
        "        self.watermark.done(record.offset)\n        self._appending.pop(lane, None)\n",
        "tests/line/test_lanes.py -k while_a_lane_is_parked",
    ),
    "waiting-is-a-defect": Variant(
        "raccordo/calls.py",
        "        if self._waiting_for is not None:",
        "        if self._waiting_for is None and effect:",
        "tests/line/test_verdicts.py -k waiting_for_a_slot",
    ),
}


def is_caught(name: str) -> bool:
    """Break a copy and run its tests: True when they fail, or hang until the deadline."""
    variant = VARIANTS[name]
    with TemporaryDirectory(prefix="raccordo-broken-") as folder:
        copy = Path(folder)
        for part in COPIED:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / part, copy / part)
        file = copy / variant.file
        text = file.read_text()
        if text.count(variant.right) != 1:
            sys.exit(
                f"{name}: {variant.file} does not hold the text to break exactly once; mend this variant"
            )
        file.write_text(text.replace(variant.right, variant.broken))
        began = time.monotonic()
        command = [
            sys.executable,
            "-m",
            "pytest",
            *variant.tests.split(),
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
        ]
        try:
            ended = subprocess.run(
                command, cwd=copy, capture_output=True, text=True, timeout=DEADLINE, check=False
            )
            caught, last = ended.returncode == 1, ended.stdout.strip().splitlines()[-1]
        except subprocess.TimeoutExpired:
            caught, last = True, f"still waiting after {DEADLINE:g} s"
        sys.stdout.write(
            f"{'red' if caught else 'NOT CAUGHT'}  {name}  {time.monotonic() - began:.0f} s  {last}\n"
        )
        return caught


def main(names: list[str]) -> int:
    """Try the named variants and return the exit code."""
    if not names:
        for name, variant in VARIANTS.items():
            sys.stdout.write(f"{name:32}{variant.tests}\n")
        return 0
    chosen = list(VARIANTS) if names == ["all"] else names
    caught = [is_caught(name) for name in chosen]
    return 0 if all(caught) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
