"""The layout of the repository: what import-linter cannot hold."""

import ast
import os
import re
from pathlib import Path

import pytest

import processes
from selection import LONGEST

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "trackway"
MODULES = sorted(SOURCE.rglob("*.py"))
STATEMENTS = [
    module.with_suffix(".sql") for module in MODULES if re.search(r"^_sql = Statements\(", module.read_text(), re.M)
]
"""The files with the statements of a module. The other `.sql` files are the schema, and templates of questions."""
_CODE = (".py", ".sql", ".ts", ".tsx", ".mjs", ".css", ".html")
_GENERATED = {Path("dashboard/src/client/generated.ts")}
_STATEMENT = re.compile(r"\s*(SELECT|INSERT INTO|ALTER TABLE|CREATE TABLE|DELETE FROM|WITH \w+ AS)\b")
_SUBQUERY = re.compile(r"\(SELECT\b.*\bFROM\b", re.S)
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


def test_the_map_names_every_room() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    rooms = [f"{path.name}/" if path.is_dir() else path.name for path in SOURCE.iterdir() if path.name[0] != "_"]
    assert [room for room in rooms if room.endswith((".py", "/")) and f"`{room}`" not in text] == []


def test_templates_are_asked_by_a_module_of_their_room_or_are_of_the_language() -> None:
    asked = {
        ("personalize" if "personalize" in module.parts else module.parent.name, name)
        for module in MODULES
        for name in re.findall(r'"(\w+(?:/\w+)+\.sql)"', module.read_text())
    }
    templates = {path.relative_to(SOURCE / "analyze") for path in (SOURCE / "analyze").rglob("*.sql")}
    templates |= {path.relative_to(SOURCE) for path in (SOURCE / "personalize").rglob("*.sql")}
    for path in STATEMENTS:
        templates.discard(path.relative_to(SOURCE / "analyze" if "analyze" in path.parts else SOURCE))
    used = {Path(name) for _, name in asked} | {
        Path(name)
        for folder in ("analyze", "personalize")
        for path in (SOURCE / folder).rglob("*.sql")
        for name in re.findall(r'"(\w+(?:/\w+)+\.sql)"', path.read_text())
    }
    assert used == templates
    rooms = {path.name for path in (SOURCE / "analyze").iterdir() if path.is_dir()} | {"personalize"}
    assert [
        (room, name) for room, name in asked if room in rooms and not name.startswith((f"{room}/", "language/"))
    ] == []


def _holds_statement(text: str) -> bool:
    return bool(_STATEMENT.match(text) or _SUBQUERY.search(text))


def _long_statements(module: Path) -> list[str]:
    """Return the statements of more than one line, or that are put together from pieces."""
    tree = ast.parse(module.read_text())
    pieces = {
        piece
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)
        for piece in (node.left, node.right)
    } | {node.value for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in ("format", "join")}
    return [
        f"{module.relative_to(SOURCE)}:{node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr | ast.Constant)
        and (node.lineno != node.end_lineno or node in pieces)
        and _holds_statement(ast.unparse(node).lstrip("frbu'\"").removeprefix("\\n"))
    ]


@pytest.mark.parametrize(
    "room", ["store", "collect", "log", "enrich", "client", "analyze", "operate", "web", "cli", "."]
)
def test_statements_of_more_than_one_line_are_in_sql_files(room: str) -> None:
    modules = sorted((SOURCE / room).glob("*.py" if room == "." else "**/*.py"))
    assert [one for module in modules for one in _long_statements(module)] == []


def test_sql_files_of_statements_lie_beside_their_module_which_uses_each_macro() -> None:
    own_rule = {
        path for folder in ("analyze", "personalize", "store/schema") for path in (SOURCE / folder).rglob("*.sql")
    }
    files = [path for path in SOURCE.rglob("*.sql") if path in STATEMENTS or path not in own_rule]
    called = set(re.findall(r"(?<!macro )\b(\w+)\(", "".join(path.read_text() for path in files)))
    for path in files:
        macros = set(re.findall(r"{% macro (\w+)", path.read_text()))
        module = path.with_suffix(".py").read_text()
        asked = set(re.findall(r'"(\w+)"', module))
        assert macros - asked - called == set(), path.name
        assert set(re.findall(r'_sql\(\s*"(\w+)"', module)) <= macros, path.name


@pytest.mark.parametrize(
    "script",
    sorted((*(ROOT / "benchmarks").glob("*.py"), *(ROOT / "examples").glob("*.py"))),
    ids=lambda path: path.name,
)
def test_benchmarks_and_examples_can_be_imported(script: Path) -> None:
    load = "import runpy, sys; sys.path.insert(0, sys.argv[1]); runpy.run_path(sys.argv[2], run_name='imported')"
    done = processes.run(["-c", load, str(script.parent), str(script)])
    assert done.returncode == 0, done.stderr


def _code() -> list[Path]:
    """Every file of code that people write, relative to the root."""
    found = []
    for top in ("src", "tests", "examples", "benchmarks", "sdk", "dashboard/src"):
        for folder, folders, names in os.walk(ROOT / top):
            folders[:] = [name for name in folders if name not in ("node_modules", "dist", "pages", "__pycache__")]
            found += [Path(folder, name).relative_to(ROOT) for name in names if name.endswith(_CODE)]
    return found


def test_no_file_of_code_has_more_than_400_lines() -> None:
    lengths = {path: len((ROOT / path).read_text().splitlines()) for path in _code() if path not in _GENERATED}
    assert len(lengths) > 600
    assert {str(path): length for path, length in lengths.items() if length > 400} == {}


def test_the_files_that_workers_begin_with_exist() -> None:
    assert set(LONGEST) <= {path.stem for path in (ROOT / "tests").rglob("test_*.py")}


def test_a_program_outside_a_run_of_tests_gets_a_shared_directory_too() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TRACKWAY_TEST_RUN"}
    program = "from once import once; print(once('made', lambda part: part.mkdir()).is_dir())"
    ended = processes.run(["-c", program], env=environment, cwd=Path(__file__).parent)
    assert ended.stdout.split() == ["True"], ended.stderr
