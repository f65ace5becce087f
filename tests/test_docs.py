"""The pages of the documentation: every relative link leads somewhere, and the settings are those of the code."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from trackway.analyze.catalogue import KINDS
from trackway.settings_page import _purposes, page

ROOT = Path(__file__).parent.parent
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY", "CODE_OF_CONDUCT")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
_FENCED = re.compile(r"^ *(```|~~~).*?^ *\1", re.MULTILINE | re.DOTALL)
_LINK = re.compile(
    r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)[^)]*\)|^ *\[[^\]]+\]:\s*(\S+)|(?:href|src)=\"([^\"]+)\"", re.MULTILINE
)
_MENTIONED = re.compile(r"`((?:docs|decisions|how-to|explanation|reference)/[\w./-]+\.md)`|\b(DESIGN\.md)\b")
_CODE = re.compile(r"`[^`\n]*`")
_FILE = re.compile(r"`([\w./-]+\.(?:md|mjs|py|sql|tsx?))`")
_PATH_IN_CODE = re.compile(r"\b((?:docs|src|tests|dashboard|sdk)/[\w./-]+\.(?:md|py|sql|tsx?))\b")
_WRITTEN_BY_TOOLS = {"node_modules", "dist", "build", "pages", "__pycache__"}


def anchors(text: str) -> set[str]:
    """The names of headings as GitHub makes them."""
    found = re.findall(r"^#+ +(.+?) *#*$", _FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.replace("`", "").lower()).replace(" ", "-") for one in found}


def _files() -> Iterator[Path]:
    """Every file of the repository that people write, relative to its root."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in _WRITTEN_BY_TOOLS and not name.startswith(".")]
        yield from (Path(folder, name).relative_to(ROOT) for name in names)


@pytest.fixture(scope="module")
def endings() -> set[str]:
    """Every file by its path and by each end of its path: `src/trackway/ids.py`, `trackway/ids.py`, `ids.py`."""
    return {"/".join(path.parts[start:]) for path in _files() for start in range(len(path.parts))}


def test_every_file_that_a_page_names_exists(endings: set[str]) -> None:
    placeholders = {"NAME.py", "NAME.sql"}
    named = [(page.name, name) for page in PAGES for name in _FILE.findall(page.read_text())]
    assert [(page, name) for page, name in named if name not in endings | placeholders] == []


def test_the_code_cites_files_of_the_repository(endings: set[str]) -> None:
    sources = [
        path
        for path in _files()
        if path.parts[0] in ("src", "dashboard", "sdk", "tests") and path.suffix in (".py", ".sql", ".ts", ".tsx")
    ]
    texts = {str(path): (ROOT / path).read_text() for path in sources if path.name != Path(__file__).name}
    assert [path for path, text in texts.items() if "DESIGN" + ".md" in text] == []
    assert [
        (path, name) for path, text in texts.items() for name in _PATH_IN_CODE.findall(text) if name not in endings
    ] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    text = _FENCED.sub("", path.read_text())
    for match in _LINK.finditer(_CODE.sub("", text)):
        link = match[1] or match[2] or match[3]
        if re.match(r"[a-z][a-z0-9+.-]*:|//", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists() and target.is_relative_to(ROOT), f"{path.name}: {link}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target.read_text()), f"{path.name}: {link}"
    for match in _MENTIONED.finditer(text):
        mentioned = match[1] or match[2]
        places = (ROOT / mentioned, ROOT / "docs" / mentioned, path.parent / mentioned)
        assert any(one.exists() for one in places), f"{path.name} speaks of {mentioned}"


def test_the_readme_has_at_most_120_lines() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_the_page_of_settings_is_that_of_the_code() -> None:
    assert all(_purposes().values()), "each setting says what it is for"
    made = "python -m trackway.settings_page > docs/reference/settings.md"
    assert (ROOT / "docs" / "reference" / "settings.md").read_text() == page(), made


def test_the_reference_lists_every_question() -> None:
    rows = re.findall(r"^\| (`[^|]*?) \|", (ROOT / "docs" / "reference" / "questions.md").read_text(), re.MULTILINE)
    assert set(KINDS) <= {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_every_test_that_the_threats_name_exists() -> None:
    """A name may end with an ellipsis; one without a file is of the file before it in the row."""
    checked = 0
    for row in (ROOT / "docs" / "explanation" / "threats.md").read_text().splitlines():
        sources = ""
        for name in re.findall(r"`((?:\w+/)?test_\w+(?:\.py)?(?:: test_\w+)?…?|faults/)`", row):
            file, _, test = name.partition(": ")
            if file.endswith((".py", "/")):
                path = ROOT / "tests" / file
                assert path.exists(), f"{row[:80]} names {file}"
                sources = path.read_text() if path.is_file() else ""
            else:
                test = file
            if test:
                start = f"def {test.removesuffix('…')}"
                assert start in sources if test.endswith("…") else re.search(rf"{start}\b", sources), f"{file}: {test}"
                checked += 1
    assert checked > 30
