"""Columns with what is predicted of people: `churn`, `value_90` and `propensity_EVENT`.

The store has the predictions of the last training (personalize/predict/). In filters they are numbers; breakdowns put
people into bands, such as `10–20 %`. People of whom nothing is predicted are in none.
"""

from __future__ import annotations

from collections.abc import Callable

from trackway.statements import Statements

_sql = Statements(__name__)
Bind = Callable[[object, str], str]
OF_PREDICTION = {
    "churn": "the probability of doing nothing in the next 30 days, for people who were active in the last 30",
    "value_90": "the expected value of the orders of the next 90 days, in the project's currency",
}
"""Columns that each project can have. `propensity_EVENT` is the probability of doing EVENT in the next 30 days,
`propensity_7_EVENT` in the next 7."""
_PROPENSITY = "propensity_"
_LONGEST = 200


def is_prediction(name: str) -> bool:
    """Whether a column of this name has predictions."""
    return name in OF_PREDICTION or (name.startswith(_PROPENSITY) and len(_PROPENSITY) < len(name) <= _LONGEST)


def rows_of(name: str, bind: Bind) -> str:
    """Return the predictions of a column, for `FROM`."""
    return _sql("rows_of", target=bind(name, "String"))


def bands(name: str, person: str, bind: Bind) -> str:
    """Return the SQL of the band of a row's person: tenths of probabilities, and of amounts from 1, 2 or 5 times a
    power of ten to the next.
    """
    amounts = name == "value_90"
    return _sql("bands", person=person, rows=rows_of(name, bind), amounts=amounts)
