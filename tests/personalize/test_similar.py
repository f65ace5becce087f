"""People like one person, against an oracle in plain Python."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from personal_cases import (
    DAY,
    NOW,
    PACK,
    accounts,  # noqa: F401
    project,  # noqa: F401
    saved,  # noqa: F401
)

from conftest import Loaded
from factories import PERSON_AT_A_BROWSER, message
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question
from trackway.event import Message
from trackway.govern.metric_packs import Pack, pack_of
from trackway.govern.saved.preferences import StatedPreferences
from trackway.personalize.person import Personal, Personalize, personalize
from trackway.store.policy import Policy


def did(user: str, name: str, entity: str, ago: timedelta = DAY, visitor: str = "", **fields: Any) -> Message:
    properties = {"entity_type": "product", "entity_id": entity, **fields.pop("properties", {})}
    fields = {"context": PERSON_AT_A_BROWSER, **fields}
    return message(name, NOW - ago, visitor or f"at-{user}", user=user, properties=properties, **fields)


def similar(
    loaded: Loaded, saved: StatedPreferences, project: UUID, user: str, pack: Pack = PACK, limit: int = 50,
    own: bool = False,
) -> list[tuple[str, float, int]]:  # fmt: skip
    """The users like a user, with their similarity and the number of shared entities; `own`: with their own token."""
    question = Question(project_id=project, period=Period(NOW - 90 * DAY, NOW), timezone="UTC")
    store = loaded.store
    asked = Personalize(user_id=user, include=["similar"], limit=limit)
    if own:
        store = store.within(Policy(project, person=number(loaded, saved, project, user)))
        asked = Personalize(include=["similar"], limit=limit)
    found = personalize(store, question, asked, pack, saved, NOW)[1]
    assert found is not None
    return [(one.user_id, one.similarity, one.shared) for one in found.similar or []]


def number(loaded: Loaded, saved: StatedPreferences, project: UUID, user: str) -> int:
    question = Question(project_id=project, period=Period(NOW - 90 * DAY, NOW), timezone="UTC")
    found = personalize(loaded.store, question, Personalize(user_id=user, include=["stage"]), PACK, saved, NOW)[1]
    assert isinstance(found, Personal)
    return int(found.person)


def test_the_similarity_is_the_cosine_of_engagement_scores(
    loaded: Loaded, saved: StatedPreferences, project: UUID
) -> None:
    loaded.load(project, [
        did("ann", "view", "1"), did("ann", "like", "2"),                        # 0.6, 0.8
        did("bob", "view", "1"), did("bob", "view", "1", 2 * DAY),               # 1.2
        did("cid", "like", "2"), did("cid", "view", "3"),                        # 0.8, 0.6
        did("dan", "view", "4"),
        did("eve", "view", "1", 31 * DAY),                                       # too long ago
        did("fay", "wave", "1"),                                                 # no interaction
    ])  # fmt: skip
    assert similar(loaded, saved, project, "ann") == [("cid", 0.64, 1), ("bob", 0.6, 1)]
    assert similar(loaded, saved, project, "ann", limit=1) == [("cid", 0.64, 1)]
    assert similar(loaded, saved, project, "dan") == []


def oracle(done: list[tuple[str, str, str, float, int]], user: str, pack: Pack) -> list[tuple[str, float, int]]:
    """Cosines over all people, from what each did: user, name, entity, duration and times."""
    vectors: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for who, name, entity, lasted_s, _ in done:
        if name in pack.score.weights:
            over = sum(more for limit, more in ((30, 0.2), (60, 0.2), (120, 0.1)) if lasted_s > limit)
            vectors[who][entity] += min(1.0, 0.5 + over + pack.score.weights[name])
    own, found = vectors.pop(user), []
    for who, vector in vectors.items():
        shared = own.keys() & vector.keys()
        dot = sum(own[entity] * vector[entity] for entity in shared)
        size = math.sqrt(sum(w * w for w in own.values()) * sum(w * w for w in vector.values()))
        if shared:
            found.append((who, round(dot / size, 4), len(shared)))
    return found


def test_generated_people_are_as_similar_as_an_oracle_says(
    loaded: Loaded, saved: StatedPreferences, project: UUID
) -> None:
    dice = random.Random(20)
    names = ["view", "click", "like", "share", "apply", "wave"]
    done = [
        (f"u{dice.randrange(30)}", dice.choice(names), str(int(40 * dice.random() ** 2)), dice.choice([0, 31, 61, 121]), n)
        for n in range(600)
    ]  # fmt: skip
    # Half of the people use two devices, which their user id joins.
    messages = [
        did(user, name, entity, timedelta(minutes=10 * n + 1), f"{user}-{n % (1 + int(user[1:]) % 2)}",
            properties={"duration_s": lasted_s})
        for user, name, entity, lasted_s, n in done
    ]  # fmt: skip
    dice.shuffle(messages)
    for start in range(0, 600, 200):
        loaded.load(project, messages[start : start + 200])
    loaded.load(project, [message("view", NOW - DAY, "bot", user="robot", properties={
        "entity_type": "product", "entity_id": "1"}, context={"userAgent": "Googlebot/2.1"})])  # fmt: skip
    for user in ("u0", "u7", "u29"):
        found = [
            (who, round(similarity, 4), shared) for who, similarity, shared in similar(loaded, saved, project, user)
        ]
        assert sorted(found) == sorted(oracle(done, user, PACK))
        assert [one[1] for one in found] == sorted((one[1] for one in found), reverse=True)


def test_of_a_popular_entity_only_the_first_people_by_place_are_compared(
    loaded: Loaded, saved: StatedPreferences, project: UUID
) -> None:
    loaded.load(project, [did(f"u{n}", "view", "hit") for n in range(60)])
    loaded.load(project, [did("ann", "view", "hit")])
    few = pack_of("name = 'few'\n[subjects]\n[score.weights]\nview = 0.1\n[similar]\npeople = 20\n")
    numbers = {user: number(loaded, saved, project, user) for user in [f"u{n}" for n in range(60)] + ["ann"]}
    rows = loaded.store.ask(
        f"SELECT identity FROM entity_people WHERE project_id = '{project}' ORDER BY place, identity"
    )
    first = rows["identity"].to_pylist()[:20]
    people = {user for user, person in numbers.items() if person in first} - {"ann"}
    assert {user for user, _, _ in similar(loaded, saved, project, "ann", few)} == people


def test_nobody_who_opted_out_is_shown_and_they_are_told_nothing(
    loaded: Loaded, saved: StatedPreferences, project: UUID
) -> None:
    loaded.load(project, [did(user, "view", "1") for user in ("ann", "bob", "cid")])
    saved.opt_out(project, "bob")
    assert [user for user, _, _ in similar(loaded, saved, project, "ann")] == ["cid"]
    question = Question(project_id=project, period=Period(NOW - 90 * DAY, NOW), timezone="UTC")
    bob = personalize(loaded.store, question, Personalize(user_id="bob"), PACK, saved, NOW)[1]
    assert bob == Personal(person=bob.person if bob else "", rules=bob.rules if bob else 0, opted_out=True)
    saved.opt_in(project, "bob")
    assert {user for user, _, _ in similar(loaded, saved, project, "ann")} == {"bob", "cid"}


def test_what_somebody_cleared_makes_nobody_similar(loaded: Loaded, saved: StatedPreferences, project: UUID) -> None:
    loaded.load(project, [did(user, "view", "1") for user in ("ann", "bob", "cid")])
    saved.clear(project, "bob")
    assert [user for user, _, _ in similar(loaded, saved, project, "ann")] == ["cid"]
    saved.clear(project, "ann")
    assert similar(loaded, saved, project, "ann") == []


def test_people_see_others_only_above_a_group_and_only_known_ones(
    loaded: Loaded, saved: StatedPreferences, project: UUID
) -> None:
    anonymous = message("view", NOW - DAY, "nobody", properties={"entity_type": "product", "entity_id": "1"},
                        context=PERSON_AT_A_BROWSER)  # fmt: skip
    loaded.load(project, [anonymous, *(did(user, "view", "1") for user in ("ann", "b1", "b2", "b3", "b4"))])
    assert len(similar(loaded, saved, project, "ann")) == 5  # members and servers see everybody
    assert similar(loaded, saved, project, "ann", own=True) == []
    loaded.load(project, [did("b5", "view", "1")])
    shown = [user for user, _, _ in similar(loaded, saved, project, "ann", own=True)]
    assert sorted(shown) == ["b1", "b2", "b3", "b4", "b5"]
    saved.opt_out(project, "b5")
    assert similar(loaded, saved, project, "ann", own=True) == []
