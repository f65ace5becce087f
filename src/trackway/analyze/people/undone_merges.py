"""Undoing of merges: the ids of an undone merge count as separate persons."""

from __future__ import annotations

from datetime import datetime

from trackway.analyze.language.question import Question, moment
from trackway.analyze.people.persons import person_number
from trackway.statements import Statements
from trackway.store.connection import Store

_sql = Statements(__name__)


def set_undone(
    store: Store, question: Question, identity: str, person: str, undone: bool, by: str, at: datetime
) -> bool:
    """Undo a merge, or restore an undone one. Returns False when there is no such merge.

    The next answer counts accordingly; events and sessions are not changed.
    """
    pair = {"project": question.project_id, "identity": person_number(identity), "person": person_number(person)}
    if not store.ask(_sql("count_merges"), pair)["n"][0].as_py():
        return False
    store.change(_sql("insert_undone_merge"), {**pair, "undone": int(undone), "at": moment(at), "by": by})
    store.persons.stale()
    return True
