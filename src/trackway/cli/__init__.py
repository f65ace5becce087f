"""The command line: `trackway serve | import | export | query | doctor | project | user | plan | jobs | …`."""


def main() -> None:
    """Run the `trackway` command; where only the client is installed, print the missing package instead."""
    from importlib.util import find_spec

    if not all(find_spec(name) for name in ("typer", "litestar", "chdb")):
        raise SystemExit("trackway: only the client is installed; for the server: pip install 'trackway[server]'")
    from trackway.cli.commands import main as run

    run()


__all__ = ["main"]
