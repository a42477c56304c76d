"""`python -m raccordo.cli` is the `raccordo` command, for an interpreter whose scripts are not on the path."""

from raccordo.cli import main

main()
