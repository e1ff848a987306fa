"""`python -m counterflow.cli`, where the command is not on the path."""

from counterflow.cli import main

main()
