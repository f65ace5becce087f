"""Filters: values with a | in them, countries by name, and what there is no value of."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import SECRET_KEY, Server
from trackway.analyze.language.filters import parse, read

BEARER = {"authorization": f"Bearer {SECRET_KEY}"}


@given(st.lists(st.text(alphabet="ab|\\: é", min_size=1), min_size=1, max_size=4))
def test_any_values_can_be_written_in_an_address(values: list[str]) -> None:
    written = "|".join(value.replace("\\", "\\\\").replace("|", "\\|") for value in values)
    assert parse(f"title:is:{written}").values == tuple(values)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("country:is:GB|DE", ("GB", "DE")),
        ("title:is:Prices \\| Acme", ("Prices | Acme",)),
        ("source:is:partner\\|de|other", ("partner|de", "other")),
        ("path:matches:^/a/\\d+$", ("^/a/\\d+$",)),
        ("title:is:a\\", ("a\\",)),
        ("title:is:|a", ("", "a")),
    ],
)
def test_values_of_an_address(text: str, values: tuple[str, ...]) -> None:
    assert parse(text).values == values


@pytest.mark.parametrize(
    ("given", "operator", "codes"),
    [
        ("country:is:Germany|gb", "is", ("DE", "GB")),
        ("country:is:deutschland", "is", ("DE",)),
        ("country:is:DEU", "is", ("DE",)),
        ("country:is_not:UK", "is_not", ("GB",)),
        ("country:is:Turkiye", "is", ("TR",)),
        ("country:contains:united k", "is", ("GB",)),
        ("person.first_country:is:Côte d’Ivoire", "is", ("CI",)),
        ("country:is:Atlantis", "is", ("Atlantis",)),
        ("properties.country:is:Germany", "is", ("Germany",)),
    ],
)
def test_countries_are_taken_by_name_and_code(given: str, operator: str, codes: tuple[str, ...]) -> None:
    found = parse(given)
    assert (found.operator, found.values) == (operator, codes)
    column, how, values = given.split(":")
    assert read({"column": column, "operator": how, "values": values.split("|")}) == found


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ("path:is:/caf%C3%A9", ("/café",)),
        ("path:is:/caf%c3%a9/|/", ("/café", "/")),
        ("path:is_not:/cafe\u0301", ("/café",)),
        ("entry_path:contains:/caf%C3%A9/", ("/café/",)),
        ("exit_path:starts_with:/a b", ("/a%20b",)),
        ("person.first_entry_path:is:/caf%C3%A9", ("/café",)),
        ("path:matches:/caf%C3%A9", ("/caf%C3%A9",)),
        ("host:is:xn--mnchen-3ya.example|MÜNCHEN.example", ("münchen.example", "münchen.example")),
        ("referrer_host:ends_with:.xn--zckzah", (".テスト",)),
        ("entry_host:is:Shop.Example", ("shop.example",)),
        ("title:is:/caf%C3%A9", ("/caf%C3%A9",)),
        ("properties.path:is:/caf%C3%A9", ("/caf%C3%A9",)),
    ],
)
def test_paths_and_hosts_are_taken_however_they_are_spelled(given: str, values: tuple[str, ...]) -> None:
    found = parse(given)
    assert found.values == values
    column, how, said = given.split(":")
    assert read({"column": column, "operator": how, "values": said.split("|")}) == found


@pytest.fixture(scope="module")
def filled(server: Server) -> Server:
    for visitor, source, title, country in (
        ("f1", "partner|de", "Prices | Acme", "DE"),
        ("f2", "partner", "Prices", "GB"),
        ("f3", "de", "Acme", "DE"),
    ):
        page = {"url": f"https://filter.example/?utm_source={quote(source)}", "title": title}
        context = {"page": page, "location": {"country": country}}
        server.post("page", {"anonymousId": visitor, "context": context, "properties": {"filtering": "yes"}})
    server.stored()
    return server


def pages(server: Server, filter_: Any) -> int:
    rows = server.asked({
        "question": "trend", "series": [{"event": "page", "metric": "events"}], "max_age_s": -1,
        "filter": {"all": ["host:is:filter.example", filter_]},
    })["data"]["series"][0]  # fmt: skip
    return int(sum(rows["points"]))


@pytest.mark.parametrize("number", range(8))
def test_a_property_whose_name_looks_like_a_placeholder_is_a_property(filled: Server, number: int) -> None:
    """With 500 values and more, they are in the statement itself: they must not get into the quoted name."""
    condition = {
        "column": f"properties.{{v{number}:x}}",
        "operator": "is",
        "values": ["` != '' OR 1 --", "' OR 1 --"] * 300,
    }
    assert pages(filled, condition) == 0
    assert pages(filled, {**condition, "operator": "is_not"}) == 3


def test_values_with_a_bar_and_countries_find_what_is_so_in_addresses_and_in_json(filled: Server) -> None:
    for text, condition, number in (
        ("source:is:partner\\|de", {"column": "source", "values": ["partner|de"]}, 1),
        ("source:is:partner|de", {"column": "source", "values": ["partner", "de"]}, 2),
        ("title:is:Prices \\| Acme", {"column": "title", "values": ["Prices | Acme"]}, 1),
        ("country:is:Germany", {"column": "country", "values": ["Germany"]}, 2),
        ("country:is_not:Germany", {"column": "country", "operator": "is_not", "values": ["Germany"]}, 1),
    ):
        assert (pages(filled, text), pages(filled, condition)) == (number, number), text
        listed = filled.get("events", filter=["host:is:filter.example", text])
        assert len(listed["data"]) == number and "notes" not in listed, text


def test_a_filter_for_which_there_is_no_value_says_so_and_what_there_is(filled: Server) -> None:
    of = "host:is:filter.example"
    asked = {"question": "trend", "series": [{"metric": "events"}], "max_age_s": -1}
    for lacking, column in (
        ("country:is:Atlantis", "country"),
        ("browser:is:Netscape", "browser"),
        ("source:contains:nowhere", "source"),
        ("entry_path:is:/nothing", "entry_path"),
        ("properties.filtering:is:no", "properties.filtering"),
        ({"any": ["country:is:Atlantis", "country:is:DE"]}, "country"),
        ({"did": "Never Done"}, "name"),
    ):
        answer = filled.asked({**asked, "filter": {"all": [of, lacking]}})
        [note] = answer["notes"]
        assert note["column"] == column, lacking
        if isinstance(lacking, str):
            assert filled.get("overview", filter=[of, lacking])["notes"] == [note]
    [note] = filled.asked({**asked, "filter": "country:is:Atlantis"})["notes"]
    assert "DE" in note["there"] and "'Atlantis'" in note["message"]
    for there in (of, {"not": "country:is:Atlantis"}, "country:is_not:Atlantis", {"did_not": "Never Done"}):
        assert "notes" not in filled.asked({**asked, "filter": {"all": [of, there]}}), there
    values = filled.asked({"question": "values", "of": "country", "filter": of})["data"]
    assert {(row["value"], row["name"]) for row in values} == {("DE", "Germany"), ("GB", "United Kingdom")}
