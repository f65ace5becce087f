"""The page of settings, from `config.py`: `python -m trackway.settings_page > docs/reference/settings.md`."""

from __future__ import annotations

import ast
import inspect
import sys

from trackway import config

_HEAD = """# Settings

Each setting is a line of `trackway.toml` in the directory that Trackway is started in (`TRACKWAY_CONFIG` names another
file), or an environment variable. What the command line says counts before the environment, the environment before the
file, the file before the default. Lists are separated by commas in the environment. A wrong value stops every command;
`trackway serve` and `trackway doctor` name variables that begin with `TRACKWAY_` and are no settings.

| setting | variable | default | may be | purpose |
|---|---|---|---|---|
"""


def page() -> str:
    """Return the page as Markdown: name, variable, default, range and purpose of every setting."""
    return _HEAD + "".join(_row(name, purpose) for name, purpose in _purposes().items())


def _row(name: str, purpose: str) -> str:
    default = getattr(config.Settings(), name)
    if isinstance(default, list):
        shown = ", ".join(default)
    else:
        shown = str(default).lower() if isinstance(default, bool) else str(default)
    cells = [
        f"`{name}`",
        f"`{config.variable(name)}`",
        f"`{shown}`" if shown else "empty",
        config.allowed(name) or "text",
    ]
    return f"| {' | '.join(cells)} | {purpose.replace('|', chr(92) + '|')} |\n"


def _purposes() -> dict[str, str]:
    """Return the text under each setting in `config.py`, on one line."""
    documentation: dict[str, str] = {}
    [tree] = ast.parse(inspect.getsource(config.Settings)).body
    assert isinstance(tree, ast.ClassDef)
    for before, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name):
            documented = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            documentation[before.target.id] = " ".join(str(after.value.value).split()) if documented else ""  # type: ignore
    return documentation


if __name__ == "__main__":
    sys.stdout.write(page())
