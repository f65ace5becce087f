"""The command line: `trackway serve | import | export | query | project | user | doctor`."""

from trackway.cli.main import main

__all__ = ["main"]
