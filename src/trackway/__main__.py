"""`python -m trackway`."""

from trackway.cli import main

main()
