"""The rules of a project: read, previewed on people, saved as versions, and brought back."""

from __future__ import annotations

import contextlib
import copy
import tomllib
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from conftest import SECRET_KEY
from permission_matrix import Installation
from permission_matrix import installation as installation  # noqa: PLC0414 - a fixture
from trackway.govern.database import GovernDatabase
from trackway.govern.metric_packs import included, pack_of, with_rules

PEOPLE = {"ann": 2, "bob": 12, "cyd": 15}


@pytest.fixture(scope="module")
def ruled(installation: Installation) -> Installation:
    """An installation with three people, who registered today and liked something."""
    for user, times in PEOPLE.items():
        for _ in range(times):
            installation.server.post("track", {"userId": user, "anonymousId": f"at-{user}", "event": "like"})
    installation.server.stored()
    return installation


def call(ruled: Installation, method: str, path: str = "", body: Any = None, key: str = SECRET_KEY) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    return ruled.server.http.request(
        method, f"/api/v1/projects/{ruled.project}/rules{path}", headers=headers, json=body
    )


def busy_stage() -> dict[str, Any]:
    return {"name": "busy", "when": [{"fact": "activities", "over": 9}]}


def test_rules_are_previewed_on_people_saved_as_versions_and_brought_back(ruled: Installation) -> None:
    first = call(ruled, "GET").json()
    assert first["current"] and first["created_by"] == "" and "activities" in first["facts"]
    rules = copy.deepcopy(first["rules"])
    rules["journey"]["stages"].insert(0, busy_stage())
    preview = call(ruled, "POST", "/preview", rules).json()
    moved = {"from": "new_user", "to": "busy", "people": 2}
    assert moved in preview["stages"] and preview["other_stage"] == 2 and preview["other_intent"] == 0
    assert preview["people"] == sum(move["people"] for move in preview["stages"])
    assert call(ruled, "GET").json() == first  # a preview saves nothing

    saved = call(ruled, "PUT", "", {"version": first["version"], "rules": rules})
    assert saved.status_code == 200, saved.text
    assert saved.json()["version"] == first["version"] + 1 and saved.json()["rules"] == rules
    told = ruled.server.http.get("/v1/personalize/bob", headers={"authorization": f"Bearer {SECRET_KEY}"}).json()
    assert told["rules"] == first["version"] + 1 and told["stage"]["name"] == "busy"

    late = call(ruled, "PUT", "", {"version": first["version"], "rules": first["rules"]})
    assert late.status_code == 409 and "not the newest one" in late.text
    back = call(ruled, "POST", f"/versions/{first['version']}/restore").json()
    assert back["version"] == first["version"] + 2 and back["rules"] == first["rules"]
    versions = call(ruled, "GET", "/versions").json()
    assert [kept["version"] for kept in versions] == [back["version"], saved.json()["version"], first["version"]]
    assert [kept["current"] for kept in versions] == [True, False, False] and versions[0]["created_by"] != ""
    assert call(ruled, "GET", f"?version={first['version'] + 1}").json()["rules"] == rules
    assert call(ruled, "GET", "?version=99").status_code == 404


@pytest.mark.parametrize(
    "change, field, reason",
    [
        (lambda rules: rules["journey"]["stages"][0]["when"][0].update(fact="dais"), "journey.stages[0].when[0].fact", "no fact 'dais'"),
        (lambda rules: rules["journey"]["intents"][1].update(name=rules["journey"]["intents"][0]["name"]), "journey.intents[1].name", "two rules"),
        (lambda rules: rules["journey"]["stages"][0].update(name="New user"), "rules.journey.stages[0].name", ""),
        (lambda rules: rules["suggestions"][0].update(stage="gone"), "suggestions[0].stage", "no stage 'gone'"),
        (lambda rules: rules["suggestions"][0].update(message={"en": "{n} more"}), "suggestions[0].message.en", "needs `new`"),
        (lambda rules: rules.update(holdout=2), "rules.holdout", ""),
    ],
)  # fmt: skip
def test_a_fault_is_named_at_its_place(ruled: Installation, change: Any, field: str, reason: str) -> None:
    shown = call(ruled, "GET").json()
    change(shown["rules"])
    refused = call(ruled, "PUT", "", {"version": shown["version"], "rules": shown["rules"]})
    [fault] = refused.json()["errors"]
    assert refused.status_code == 400 and fault["field"] == field and reason in fault["reason"]
    previewed = call(ruled, "POST", "/preview", shown["rules"])
    assert previewed.json()["errors"][0]["field"] == field.removeprefix("rules.")


@pytest.mark.parametrize("name", ["concerts", "marketplace", "community"])
def test_other_rules_leave_the_rest_of_a_pack_as_it_is(name: str) -> None:
    pack = pack_of(name)
    assert pack_of(with_rules(name, pack.rules)) == pack
    fewer = copy.deepcopy(pack.rules)
    fewer.journey.stages, fewer.suggestions, fewer.holdout = [], [], 0.5
    text = with_rules(name, fewer)
    assert "# The daily numbers" in text
    before, after = tomllib.loads(included(name)), tomllib.loads(text)
    for part in ("journey", "suggestions", "holdout"):
        before.pop(part, None), after.pop(part)
    assert before == after


COMMON_STAGES = ["new_user", "incomplete_profile", "low_engagement", "power_user", "active_user"]
COMMON_INTENTS = ["actively_searching", "recruiting", "researching", "browsing"]


@pytest.mark.parametrize(
    "name, stages, intents",
    [
        ("marketplace", {"buyer"}, {"buying"}),
        ("concerts", {"concert_goer"}, {"buying_tickets", "following_artists", "planning"}),
        ("community", {"contributor"}, {"contributing", "meeting_people", "reading"}),
    ],
)
def test_each_pack_has_the_common_stages_and_intents_in_their_order_and_its_own(
    name: str, stages: set[str], intents: set[str]
) -> None:
    journey = pack_of(name).journey
    for rules, common, own in ((journey.stages, COMMON_STAGES, stages), (journey.intents, COMMON_INTENTS, intents)):
        names = [rule.name for rule in rules]
        assert [rule for rule in names if rule in common] == common
        assert set(names) - set(common) == own
        assert rules[-1].name == common[-1] and rules[-1].when == []


def test_every_change_of_the_pack_is_a_version(tmp_path: Path) -> None:
    with contextlib.closing(GovernDatabase(f"sqlite:///{tmp_path / 'trackway.db'}")) as database:
        project = database.add_project("mine")[0]
        [first] = database.packs.all(project)
        assert (first.version, first.metrics, first.created_by) == (1, "concerts", "")
        for metrics in ("community", "community", "marketplace"):  # the second one changes nothing
            changed = database.change_project(UUID(project.id), None, None, None, None, metrics=metrics, by="ann")
        kept = [(one.version, one.metrics, one.created_by) for one in database.packs.all(changed)]
        assert kept == [(3, "marketplace", "ann"), (2, "community", "ann"), (1, "concerts", "")]
        assert database.packs.write(UUID(project.id), "concerts", "bob", after=2) is None
