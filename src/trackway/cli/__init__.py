"""The command line: `trackway serve | import | export | query | project | user | doctor`."""


def main() -> None:
    """The entry point of the `trackway` command; where only the client is installed, it says what is missing."""
    from importlib.util import find_spec

    if not all(find_spec(name) for name in ("typer", "litestar", "chdb")):
        raise SystemExit("trackway: only the client is installed; for the server: pip install 'trackway[server]'")
    from trackway.cli.main import main as run

    run()


__all__ = ["main"]
