"""SQL statements in `.sql` files, which are Jinja templates.

Jinja decides only the structure of a statement; the database binds every value, as `{name:Type}` or `:name`.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


def templates(*folders: str) -> Environment:
    """Return the templates of folders of this package (`.` for the whole package); the first that has one counts."""
    return Environment(
        loader=ChoiceLoader([PackageLoader("trackway", folder) for folder in folders]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - SQL, not HTML; values are bound, never rendered
    )


_templates = templates(".")


class Statements:
    """The statements of one module, in the `.sql` file beside it: each is a macro, named after its caller.

    Args:
        module: `__name__` of the module.
    """

    def __init__(self, module: str) -> None:
        path = module.removeprefix("trackway.").replace(".", "/")
        self._macros = _templates.get_template(f"{path}.sql").module
        self._rendered = lru_cache(maxsize=100)(self._render)

    def __call__(self, name: str, /, **structure: Hashable) -> str:
        """Return the statement `name`.

        Args:
            structure: names with which the macro decides the structure of the statement; never user input.
        """
        return self._rendered(name, **structure)

    def _render(self, name: str, /, **structure: Hashable) -> str:
        return str(getattr(self._macros, name)(**structure)).strip()
