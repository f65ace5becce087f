"""The entry point of `python -m trackway`."""

from trackway.cli import main

main()
