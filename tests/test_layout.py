"""The layout of the source: what import-linter cannot hold."""

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "trackway"
MODULES = sorted(SOURCE.rglob("*.py"))
_STATEMENT = re.compile(r"\s*(SELECT|INSERT INTO|ALTER TABLE|CREATE TABLE|DELETE FROM|WITH \w+ AS)\b")
_RIDDLE = re.compile(r"(What|Who|How|Where|That|Which|When|Whose|Why|As)\b")


@pytest.mark.parametrize(
    "module", [*sorted((SOURCE / "web").rglob("*.py")), SOURCE / "runtime.py"], ids=lambda one: one.stem
)
def test_what_translates_http_and_what_composes_hold_no_sql(module: Path) -> None:
    texts = [node.value for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Constant)]
    assert [text for text in texts if isinstance(text, str) and _STATEMENT.match(text)] == []


def test_docstrings_say_what_a_thing_is_or_does() -> None:
    opened = []
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node) or ""
                if _RIDDLE.match(text):
                    opened.append(f"{module.relative_to(SOURCE)}: {text.splitlines()[0]}")
    assert opened == []


def test_templates_are_asked_by_a_module_of_their_room_or_are_of_the_language() -> None:
    asked = {
        (module.parent.name, name) for module in MODULES for name in re.findall(r'"(\w+/\w+\.sql)"', module.read_text())
    }
    templates = {path.relative_to(SOURCE / "analyze") for path in (SOURCE / "analyze").rglob("*.sql")}
    used = {Path(name) for _, name in asked} | {
        Path(name)
        for path in (SOURCE / "analyze").rglob("*.sql")
        for name in re.findall(r'"(\w+/\w+\.sql)"', path.read_text())
    }
    assert used == templates
    rooms = {path.name for path in (SOURCE / "analyze").iterdir() if path.is_dir()}
    assert [
        (room, name) for room, name in asked if room in rooms and not name.startswith((f"{room}/", "language/"))
    ] == []
