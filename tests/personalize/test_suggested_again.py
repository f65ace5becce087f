"""When a suggestion is made again, and what is new to somebody."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from personal_cases import (
    DAY,
    HOUR,
    NOW,
    PACK,
    accounts,  # noqa: F401
    did,
    known,
    project,  # noqa: F401
    register,  # noqa: F401
    saved,  # noqa: F401
)

from conftest import Loaded
from factories import PERSON_AT_A_BROWSER, message
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question
from trackway.govern.saved.preferences import StatedPreferences
from trackway.personalize.person import Personalize, personalize
from trackway.personalize.suggestions import Suggested
from trackway.store.entities import Entity, Register
from trackway.store.policy import Policy


@pytest.mark.parametrize("name, days, made", [
    ("Done", 300, None), ("Dismissed", 29, None), ("Dismissed", 31, "complete_profile"), ("Shown", 29, None),
    ("Shown", 31, "complete_profile"),
])  # fmt: skip
def test_a_suggestion_that_was_done_long_ago_is_not_made_again(
    loaded: Loaded, saved: StatedPreferences, project: UUID, name: str, days: int, made: str | None
) -> None:
    pack = msgspec.structs.replace(PACK, holdout=0.0)
    about = [did(f"Suggestion {name}", days * DAY + n * HOUR, "suggestion:complete_profile", "w") for n in range(10)]
    signed_up = message(type="identify", at=NOW - HOUR, visitor="w", user="new", context=PERSON_AT_A_BROWSER)
    loaded.load(project, [*about, signed_up])
    found = known(loaded, saved, project, pack, user_id="new", include=["stage", "suggestion"])
    assert found.stage.name == "new_user"
    assert (found.suggestion and found.suggestion.action) == made


@pytest.mark.parametrize("last, new", [(timedelta(minutes=10), 2), (timedelta(hours=2), 1)])
def test_a_suggestion_counts_what_is_new_since_the_last_visit_before_the_present_one(
    loaded: Loaded, saved: StatedPreferences, project: UUID, last: timedelta, new: int
) -> None:
    visits = [*(last + n * timedelta(seconds=30) for n in range(40)), *(last + n * DAY for n in range(2, 12))]
    loaded.load(project, [did("like", ago, "product:seen", user="u") for ago in visits])
    at = {"a": NOW - timedelta(hours=1), "b": NOW - last - DAY, "c": NOW - last - 3 * DAY}
    rows = [
        f"('{project}', 'product', '{id_}', '{{\"genre\":\"jazz\"}}', '{f'{time:%F %T}'}')"
        for id_, time in [*at.items(), ("seen", at["c"])]
    ]
    loaded.store.command(
        "INSERT INTO entities (project_id, entity_type, entity_id, attributes, updated_at) VALUES " + ", ".join(rows)
    )
    pack = msgspec.structs.replace(PACK, holdout=0.0)
    found = known(loaded, saved, project, pack, user_id="u").suggestion
    assert (found.action, found.n) == ("explore_jobs", new)


def test_people_themselves_are_told_how_many_entities_are_new(
    loaded: Loaded, saved: StatedPreferences, register: Register, project: UUID
) -> None:
    register.write(project, [Entity(type="product", id=str(n), attributes={"genre": "jazz"}) for n in range(3)], "test")
    traits = {"profile_completeness": 100}
    loaded.load(project, [
        message(type="identify", at=NOW - 5 * DAY, visitor="v", user="jo", traits=traits, context=PERSON_AT_A_BROWSER),
        *(did("click", DAY + n * timedelta(minutes=1), "product:0", user="jo") for n in range(20)),
        did("page", HOUR, user="jo"),
    ])  # fmt: skip
    person = int(known(loaded, saved, project, user_id="jo", include=["stage"]).person)
    pack = msgspec.structs.replace(PACK, holdout=0.0)
    question = Question(project_id=project, period=Period(NOW - 90 * DAY, NOW), timezone="Europe/Berlin")
    own = loaded.store.within(Policy(project, person=person))
    _, told = personalize(own, question, Personalize(include=["suggestion"]), pack, saved, NOW)
    assert told is not None and isinstance(told.suggestion, Suggested)
    # The register is as of the present, which is after this visit; the product that they clicked is not new.
    assert (told.suggestion.action, told.suggestion.n) == ("explore_jobs", 2)
    assert told == known(loaded, saved, project, pack, user_id="jo", include=["suggestion"])
