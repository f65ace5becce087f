"""Pages of recommendations: the health of the models, a list to try out, and cards of a person and of an entity."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import numpy as np
import pyarrow as pa
import pytest
from playwright.sync_api import Browser, Page, expect
from steps import DESK, PHONE, nobody_is_left_out, open_page, to

from conftest import EMAIL, PASSWORD, SECRET_KEY, Server
from trackway.govern.metric_packs import INCLUDED, included
from trackway.personalize.recommend.shelf import Shelf
from trackway.personalize.recommend.training import feedback_of, train

BEARER = {"authorization": f"Bearer {SECRET_KEY}"}


@pytest.fixture(scope="module")
def project(filled: Server) -> str:
    """The project, in which 30 people clicked films; `film-fan` clicked one of them."""
    for person in range(30):
        for number in (person % 3, 3 + person % 4):
            filled.post("track", _click(f"film-{person}", f"f{number}"))
    filled.post("track", {**_click("film-fan", "f1"), "userId": "film-fan"})
    filled.stored()
    return str(filled.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"])


def _click(visitor: str, film: str) -> dict[str, object]:
    return {"event": "click", "anonymousId": visitor, "properties": {"entity_type": "film", "entity_id": film}}


def no_wider_than_the_screen(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


@pytest.fixture(scope="module")
def models(filled: Server, project: str) -> None:
    """Two versions of the model for films: of people without any taste, then of people who like even films or odd ones."""
    for tastes in (1, 2):
        rng, begin = random.Random(3), datetime(2026, 1, 1, tzinfo=UTC)
        rows = [
            {"person": person, "entity_id": f"f{film}", "weight": 1.0, "first_at": begin + timedelta(minutes=minute)}
            for person in range(150)
            for film in rng.sample(range(person % tastes, 30, tastes), 8)
            for minute in (rng.randrange(10_000),)
        ]
        table = pa.Table.from_pylist(rows).set_column(
            0, "person", pa.array([row["person"] for row in rows], pa.uint64())
        )
        feedback = feedback_of(table)
        model, trained = train(feedback, budget_s=0.5)
        people = np.asarray(feedback.history.getnnz(axis=0), np.float32)
        Shelf(filled.data / "models").put(
            UUID(project), "film", datetime.now(UTC), model, trained, feedback.entities, people
        )


@pytest.mark.usefixtures("models")
def test_models_are_measured_brought_back_and_trained(browser: Browser, filled: Server, project: str) -> None:
    page = open_page(browser, filled)
    to(page, f"/p/{project}/recommendations")
    expect(page.get_by_role("heading", name="Recommendations", level=1)).to_be_visible()
    film = page.locator("section").filter(has=page.get_by_role("heading", name="Model for film"))
    expect(film).to_contain_text("is served")
    expect(film).not_to_contain_text("popularity is served")
    quality = page.get_by_role("table", name="Quality of the model for film")
    expect(quality.get_by_role("row").filter(has_text="NDCG@10")).to_be_visible()
    expect(page.get_by_role("img", name="Quality (NDCG) of the best model and of popularity")).to_be_visible()
    versions = page.get_by_role("table", name="Versions of the model for film").get_by_role("row")
    expect(versions.nth(1)).to_contain_text("yes")
    nobody_is_left_out(page)
    versions.nth(2).get_by_role("button").click()
    expect(page.get_by_text("This version is in use until the next training.")).to_be_visible()
    expect(versions.nth(2)).to_contain_text("yes")
    expect(film).to_contain_text("popularity is served")
    path, wrong = f"/api/v1/projects/{project}/models", {"entity_type": "film", "version": "../film"}
    refused = filled.http.post(f"{path}/use", json=wrong, headers=BEARER)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "version")
    phone = open_page(browser, filled, PHONE, "dark")
    to(phone, f"/p/{project}/recommendations")
    expect(phone.get_by_role("heading", name="Model for film")).to_be_visible()
    nobody_is_left_out(phone)
    no_wider_than_the_screen(phone)
    page.get_by_role("button", name="Train now").click()
    expect(page.get_by_role("status").filter(has_text="A training is under way.")).to_be_visible()
    expect(page.get_by_role("button", name="Train now")).to_be_disabled()


@pytest.mark.parametrize("size, scheme", [(DESK, "light"), (PHONE, "dark")])
def test_a_list_is_tried_out_for_a_user_and_for_an_entity(
    browser: Browser, filled: Server, project: str, size: dict[str, int], scheme: str
) -> None:
    page = open_page(browser, filled, size, scheme)
    to(page, f"/p/{project}/recommendations?tab=try")
    expect(page.get_by_text("Nothing asked yet")).to_be_visible()
    page.get_by_label("Recommend entities of type").select_option("film")
    who = page.get_by_label("The user's id")
    who.fill("film-fan")
    who.press("Enter")
    items = page.get_by_role("list").get_by_role("listitem").filter(has_text="people")
    expect(items.first).to_be_visible()
    expect(items.filter(has=page.get_by_role("link", name="f1", exact=True))).to_have_count(0)  # the fan knows it
    nobody_is_left_out(page)
    who.fill("film-nobody")
    who.press("Enter")
    expect(page.get_by_role("heading", name="For them: film-nobody")).to_be_visible()
    expect(items.filter(has=page.get_by_role("link", name="f1", exact=True))).to_have_count(1)
    page.get_by_label("Kind of recommendation").select_option("also_viewed")
    which = page.get_by_label("The entity's id")
    which.fill("f1")
    which.press("Enter")
    expect(page.get_by_role("heading", name="Also viewed: f1")).to_be_visible()
    expect(items.first).to_contain_text("seen in the same visits as f1")
    nobody_is_left_out(page)
    expect(items.first).to_be_visible()
    no_wider_than_the_screen(page)


@pytest.mark.parametrize("size, scheme", [(DESK, "light"), (PHONE, "dark")])
def test_a_person_and_an_entity_have_cards_with_reasons(
    browser: Browser, filled: Server, project: str, size: dict[str, int], scheme: str
) -> None:
    page = open_page(browser, filled, size, scheme)
    to(page, f"/p/{project}/visitor?id=film-fan")
    card = page.locator("section").filter(has=page.get_by_role("heading", name="Recommended to this person"))
    card.get_by_label("Type").select_option("film")
    expect(card.get_by_role("listitem").first).to_contain_text("people")
    expect(card).to_contain_text("Scores compare within this list only.")
    nobody_is_left_out(page)
    card.get_by_role("link", name="About the models").click()
    expect(page.get_by_role("heading", name="Recommendations", level=1)).to_be_visible()
    to(page, f"/p/{project}/entity?type=film&id=f1")
    similar = page.locator("section").filter(has=page.get_by_role("heading", name="With this entity"))
    expect(similar.get_by_role("listitem").first).to_be_visible()
    similar.get_by_role("tab", name="Also viewed").click()
    expect(similar.get_by_role("listitem").first).to_contain_text("seen in the same visits as f1")
    nobody_is_left_out(page)


def change_pack(server: Server, path: str, pack: str) -> None:
    with httpx.Client(base_url=server.url, timeout=60) as admin:
        signed_in = admin.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()
        admin.headers["x-csrf-token"] = signed_in["csrf"]
        assert admin.patch(path, json={"metrics": pack}).status_code == 200


SURFACE = """
[[recommend.surfaces]]
name = "film_page"
entity_types = ["film"]
limit = 3
blocked = ["f0"]
where = [{attribute = "price", below = 80}]
"""


@pytest.mark.parametrize("size, scheme", [(DESK, "light"), (PHONE, "dark")])
def test_a_surface_says_its_rules_and_shows_what_somebody_gets_there(
    browser: Browser, filled: Server, project: str, size: dict[str, int], scheme: str
) -> None:
    path = f"/api/v1/projects/{project}"
    before = next(one for one in filled.http.get("/api/v1/projects", headers=BEARER).json() if one["id"] == project)
    page = open_page(browser, filled, size, scheme)
    to(page, f"/p/{project}/recommendations?tab=surfaces")
    expect(page.get_by_text("No surface yet")).to_be_visible()
    pack = included(before["metrics"]) if before["metrics"] in INCLUDED else before["metrics"]
    change_pack(filled, path, pack + SURFACE)
    try:
        page.reload()
        rules = page.locator("section").filter(has=page.get_by_role("heading", name="film page"))
        expect(rules).to_contain_text("price below 80")
        nobody_is_left_out(page)
        page.get_by_label("The user's id").fill("film-fan")
        page.get_by_role("button", name="Show", exact=True).click()
        items = page.locator("section").filter(has=page.get_by_role("heading", name="What this surface shows"))
        expect(items.get_by_role("listitem")).to_have_count(3)
        expect(items.get_by_role("link", name="f0", exact=True)).to_have_count(0)
        nobody_is_left_out(page)
        no_wider_than_the_screen(page)
    finally:
        change_pack(filled, path, before["metrics"])
