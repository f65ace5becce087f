"""Each answer about a person is what plain Python makes of the messages that were sent, on generated people."""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from personal_oracle import Known, Sent, people

from conftest import EMAIL, PASSWORD, SECRET_KEY, Loaded, Server, cases
from factories import FIREFOX, PERSON_AT_A_BROWSER
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question
from trackway.event import Message, new_id
from trackway.govern.database import GovernDatabase
from trackway.govern.metric_packs import pack_of
from trackway.govern.saved.preferences import StatedPreferences
from trackway.personalize.person import Personalize, personalize

BEARER = {"authorization": f"Bearer {SECRET_KEY}"}
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
REGISTER: dict[tuple[str, str], tuple[dict[str, Any], list[str]]] = {
    ("product", "1"): ({"genre": ["jazz", "rock"], "city": "Wien", "price": 20}, ["seller:s9"]),
    ("product", "2"): ({"genre": "jazz", "price": 10}, ["seller:s9", "seller:s8"]),
    ("product", "3"): ({"price": 300, "city": "Graz"}, []),
    ("seller", "s9"): ({"genre": "rock"}, []),
}
ENTITIES = [*REGISTER, ("project", "not registered"), ("seller", "s8"), ("", "")]
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
NAMES = (
    "view",
    "view",
    "click",
    "like",
    "share",
    "save",
    "apply",
    "endorse",
    "search",
    "search",
    "browse",
    "impression",
)
RESTS = ("Signed Out", "Signed Up", "Suggestion Shown", "Suggestion Dismissed", "Suggestion Done")
AGES = st.one_of(st.integers(1, 60 * 24 * 8), st.integers(1, 60 * 24 * 29), st.integers(60 * 24 * 31, 60 * 24 * 90))
"""Minutes before now, away from the edges of the periods."""
_numbers = itertools.count()
_SENT: list[Sent] = []
"""All messages that the server of the tests has."""


@st.composite
def acts(draw: st.DrawFn) -> dict[str, Any]:
    """One thing that somebody does, maybe several times; who does it is one of two users on one of two visitors."""
    kind = draw(st.sampled_from(("act",) * 8 + ("rest", "page", "identify", "identify", "alias")))
    found: dict[str, Any] = {
        "kind": kind, "age": draw(AGES), "user": draw(st.sampled_from((0, 0, 0, 1, None))),
        "visitor": draw(st.sampled_from((0, 0, 1, None))),
    }  # fmt: skip
    if kind == "act":
        found["name"] = draw(st.sampled_from(NAMES))
        found["entity"] = draw(st.sampled_from(ENTITIES))
        found["times"] = draw(st.sampled_from((1, 1, 2, 7, 60)))
        found["lasted"] = draw(st.sampled_from((0, 30, 30.5, 60, 61, 120, 121)))
        found["bot"] = draw(st.sampled_from((False,) * 9 + (True,)))
    elif kind == "rest":
        found["name"] = draw(st.sampled_from(RESTS))
        found["of"] = draw(st.sampled_from(("complete_profile", "add_projects", "request_endorsement", "refer_friend")))
        found["times"] = draw(st.sampled_from((1, 1, 11))) if found["name"] == "Suggestion Shown" else 1
    elif kind == "identify":
        found["zone"] = draw(st.sampled_from((None, *ZONES)))
        found["complete"] = draw(st.sampled_from((None, None, 0, 49.9, 50, 100)))
        found["bot"] = draw(st.sampled_from((False, False, False, True)))
        found["created"] = draw(st.none() | st.integers(1, 60) | st.integers(60 * 23, 60 * 24 * 40))
    return found


def sent(world: str, drawn: list[dict[str, Any]], now: int) -> list[Sent]:
    """The messages of two users and two visitors of a world, no two of the same time."""
    users, visitors = [f"{world}-u{number}" for number in (0, 1)], [f"{world}-v{number}" for number in (0, 1)]
    messages: list[Sent] = []
    for one in drawn:
        visitor = "" if one["visitor"] is None else visitors[one["visitor"]]
        user = "" if one["user"] is None else users[one["user"]]
        if (not user and not visitor) or (one["kind"] == "identify" and not user):
            user = users[0]
        for _ in range(one.get("times", 1)):
            number = len(messages)
            made = Sent(f"{world}-{number}", "track", now - one["age"] * 60_000 + number * 17, user, visitor)
            made.bot = one.get("bot", False)
            if one["kind"] in ("act", "rest"):
                made.name = one["name"]
                of, which = one.get("entity") or ("suggestion", one["of"])
                if of and made.name not in ("Signed Out", "Signed Up"):
                    made.properties = {"entity_type": of, "entity_id": which}
                if one.get("lasted"):
                    made.properties["duration_s"] = one["lasted"]
            else:
                made.kind = one["kind"]
            if made.kind == "identify":
                created = one["created"] and datetime.fromtimestamp((now - one["created"] * 60_000) / 1000, UTC)
                traits = {"timezone": one["zone"], "profile_completeness": one["complete"]}
                traits["createdAt"] = created and f"{created.date() if one['age'] % 2 else created}"
                made.traits = {name: value for name, value in traits.items() if value is not None}
            if made.kind == "alias":
                made.user, made.visitor, made.previous = users[0], "", users[1]
            messages.append(made)
    return messages


def as_json(one: Sent) -> dict[str, Any]:
    body = {
        "type": one.kind, "messageId": one.id, "event": one.name, "userId": one.user, "anonymousId": one.visitor,
        "previousId": one.previous, "properties": one.properties, "traits": one.traits,
    }  # fmt: skip
    time_ = datetime.fromtimestamp(one.at / 1000, UTC).isoformat()
    context = {"userAgent": GOOGLEBOT if one.bot else FIREFOX}
    return {name: value for name, value in body.items() if value} | {"timestamp": time_, "context": context}


def as_message(one: Sent) -> Message:
    body = {**as_json(one), "context": {**PERSON_AT_A_BROWSER, "userAgent": GOOGLEBOT if one.bot else FIREFOX}}
    return msgspec.convert(body | {"timestamp": one.at}, Message)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StatedPreferences]:
    database = GovernDatabase(f"sqlite:///{tmp_path_factory.mktemp('govern') / 'trackway.db'}")
    yield database.saved.preferences
    database.close()


@pytest.fixture(scope="module")
def marketplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose project has the marketplace's rules and the register above."""
    server = Server(tmp_path_factory.mktemp("marketplace") / "data").start()
    project = server.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"]
    with httpx.Client(base_url=server.url) as owner:
        signed_in = owner.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD})
        csrf = {"x-csrf-token": signed_in.json()["csrf"]}
        owner.patch(f"/api/v1/projects/{project}", headers=csrf, json={"metrics": "marketplace"}).raise_for_status()
    entities = [
        {"type": kind, "id": name, "attributes": attributes, "parents": parents}
        for (kind, name), (attributes, parents) in REGISTER.items()
    ]
    server.http.put(f"/api/v1/projects/{project}/entities", headers=BEARER, json=entities).raise_for_status()
    yield server
    server.stop()


def agrees(answer: dict[str, Any], everybodys: list[Sent], first: Known, last: Known) -> None:
    """An answer is that of the oracle. Scores fall with time: they lie between those before and after the request."""
    assert {one["type"]: one["score"] for one in answer["content_types"]} == pytest.approx(first.content_types())
    summed = [one["score"] for one in answer["content_types"]]
    assert summed == sorted(summed, reverse=True)
    inferred = {(one["key"], one["value"]): one for one in answer["preferences"]}
    highest, lowest = first.preferences(), last.preferences()
    assert inferred.keys() <= highest.keys()
    listed, known = Counter(key for key, _ in inferred), Counter(key for key, _ in highest)
    assert listed == {key: min(20, number) for key, number in known.items()}
    for pair, one in inferred.items():
        confidence, score, ones = highest[pair]
        assert lowest[pair][0] - 1e-6 <= one["confidence"] <= confidence + 1e-6, (pair, one, confidence)
        assert lowest[pair][1] - 1e-6 <= one["score"] <= score + 1e-6, (pair, one, score)
        assert one["interactions"] == len(ones)
        assert _time(one["updated_at"]) == ones[-1].at
        happened = {(each.at, each.name, *each.entity, round(each.score, 6)) for each in ones}
        cited = {
            (_time(e["at"]), e["name"], e["entity_type"], e["entity_id"], round(e["score"], 6)) for e in one["evidence"]
        }
        assert cited and cited <= happened
    hours = answer["hours"]
    assert hours["timezone"] == first.zone.key
    assert hours["week"] == first.week()
    assert [(one["hour"], one["actions"]) for one in hours["hours"]] == first.hours()
    assert hours["notify_at"] == (first.hours()[0][0] if first.hours() else None)
    assert (answer["stage"]["name"], answer["intent"]["name"]) == (first.stage(), first.intent())
    numbers = {one["fact"]: one["value"] for one in answer["stage"]["because"]}
    facts = {
        "activities": len(first.actions),
        "completeness": first.trait("profile_completeness"),
        "days": first.days(),
    }
    assert numbers == pytest.approx({name: facts[name] for name in numbers}, abs=1e-3)
    made = answer["suggestion"] and (answer["suggestion"]["action"], answer["suggestion"]["n"])
    assert made == (None if answer["holdout"] else first.suggestion(everybodys))


MOMENTS = [datetime(2026, *day, 12, tzinfo=UTC) for day in ((3, 10), (3, 31), (4, 6), (10, 6), (10, 27), (11, 3))]
"""Within the week after a change of the clocks in one of the zones above."""


@settings(max_examples=cases(3), phases=(Phase.explicit, Phase.generate))
@given(
    worlds=st.lists(st.lists(acts(), min_size=1, max_size=25), min_size=4, max_size=10), now=st.sampled_from(MOMENTS)
)
def test_days_of_23_and_25_hours_are_counted_by_the_persons_clock(
    loaded: Loaded, saved: StatedPreferences, worlds: list[list[dict[str, Any]]], now: datetime
) -> None:
    project, moment = new_id(), int(now.timestamp() * 1000)
    all_of = [sent(f"w{number}", drawn, moment) for number, drawn in enumerate(worlds)]
    loaded.load(project, [as_message(one) for messages in all_of for one in messages])
    for messages in all_of:
        for user, own in people(messages).items():
            question = Question(
                project_id=project, period=Period(now - timedelta(days=90), now), timezone="Europe/Berlin"
            )
            _, found = personalize(
                loaded.store, question, Personalize(user_id=user), pack_of("marketplace"), saved, now
            )
            known = Known(own, {}, moment, "Europe/Berlin")
            agrees(msgspec.to_builtins(found, builtin_types=()), [], known, known)


def _time(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@settings(max_examples=cases(3), phases=(Phase.explicit, Phase.generate))  # shrinking would take minutes
@given(worlds=st.lists(st.lists(acts(), min_size=1, max_size=25), min_size=4, max_size=10), seed=st.integers(0, 99))
def test_what_is_known_of_generated_people_is_what_their_messages_say(
    marketplace: Server, worlds: list[list[dict[str, Any]]], seed: int
) -> None:
    now = int(time.time() * 1000)
    all_of = [sent(f"w{next(_numbers)}", drawn, now) for drawn in worlds]
    shuffled = [one for messages in all_of for one in messages]
    _SENT.extend(shuffled)
    chance = random.Random(seed)
    chance.shuffle(shuffled)
    shuffled += chance.sample(shuffled, len(shuffled) // 10)  # some arrive twice
    for first in range(0, len(shuffled), 400):
        batch = [as_json(one) for one in shuffled[first : first + 400]]
        assert marketplace.post("batch", {"batch": batch}).json() == {"accepted": len(batch)}
    marketplace.stored()
    for messages in all_of:
        for user, own in people(messages).items():
            before = int(time.time() * 1000)
            answered = marketplace.http.get(f"/v1/personalize/{user}", headers=BEARER)
            after = int(time.time() * 1000)
            assert answered.status_code == 200, answered.text
            agrees(answered.json(), _SENT, Known(own, REGISTER, before), Known(own, REGISTER, after))
