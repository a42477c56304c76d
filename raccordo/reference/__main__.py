"""``python -m raccordo.reference`` writes the pages of the working directory; ``--check`` names those out of date."""

from __future__ import annotations

import sys
from pathlib import Path

from raccordo.errors import ConfigError
from raccordo.reference import COMMAND, stale, write


def main(words: list[str]) -> int:
    """Write or check. Returns 1 for pages that are out of date, 2 for an application that cannot be read."""
    try:
        if "--check" not in words:
            write(Path.cwd())
            return 0
        names = stale(Path.cwd())
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for name in names:
        sys.stderr.write(f"{name} is not what the code says; run: {COMMAND}\n")
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
