"""Lets ``python -m raccordo`` be the command line."""

from __future__ import annotations

from raccordo.cli import main

if __name__ == "__main__":
    main()
