"""Messages with numbers: plural forms of languages, exact numbers, quotes, and what is wrong with others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.govern.messages import BadMessage, check, filled

CONCERTS = "{n, plural, =0 {no concert} one {# concert} other {# concerts}} for you"


@pytest.mark.parametrize(
    "message, language, n, text",
    [
        ("{n} new", "en", 3, "3 new"),
        (CONCERTS, "en", 0, "no concert for you"),
        (CONCERTS, "en", 1, "1 concert for you"),
        (CONCERTS, "de-AT", 15, "15 concerts for you"),
        (CONCERTS, "fr", 0, "no concert for you"),
        ("{n, plural, one {un} other {#}}", "fr", 0, "un"),
        ("{n,plural,one{#: a}few{#: b}many{#: c}other{#: d}}", "ru", 21, "21: a"),
        ("{n,plural,one{#: a}few{#: b}many{#: c}other{#: d}}", "ru", 112, "112: c"),
        ("{n,plural,one{#: a}few{#: b}many{#: c}other{#: d}}", "pl", 22, "22: b"),
        ("{n,plural,one{#: a}few{#: b}many{#: c}other{#: d}}", "pl", 21, "21: c"),
        ("{n,plural,one{#: a}few{#: b}other{#: d}}", "cs", 5, "5: d"),
        ("{n, plural, other {# 件}}", "ja", 1, "1 件"),
        ("{n, plural, =2 {a pair} other {{n} of them}}", "xx", 2, "a pair"),
        ("wie geht's: '{n}' ''{n}'' #", "de", 2, "wie geht's: {n} '2' #"),
    ],
)
def test_a_message_has_the_form_of_its_number(message: str, language: str, n: int, text: str) -> None:
    assert filled(message, language, {"n": n}) == text


@pytest.mark.parametrize(
    "message, language, problem",
    [
        ("{n", "en", "write {name}"),
        ("n}", "en", "character 2: a } without a {"),
        ("{N}", "en", "write {name}"),
        ("{m}", "en", "there is no value {m}; the values are n"),
        ("{n, select, a {b}}", "en", "write {name}"),
        ("{n, plural, one {#}}", "en", "needs the form `other`"),
        ("{n, plural, one {#} other {#}", "en", "does not end"),
        ("{n, plural, one {#} other {#", "en", "does not end"),
        ("{n, plural, few {#} other {#}}", "en", "has the form 'few'; in en there are one, other"),
        ("{n, plural, one {#} other {#}}", "xx", "in xx there are other, and =NUMBER"),
        ("{n, plural, other {" * 9 + "}}" * 9, "en", "nested more than 5 deep"),
    ],
)
def test_what_is_wrong_with_a_message_is_said(message: str, language: str, problem: str) -> None:
    with pytest.raises(BadMessage) as wrong:
        check(message, language, {"n"})
    assert problem in str(wrong.value)


@given(st.text(alphabet="ab {}'#,=1nplurothe\n", max_size=60), st.integers(0, 10**6))
def test_every_text_is_a_message_or_is_refused(message: str, n: int) -> None:
    try:
        check(message, "en", {"n"})
    except BadMessage:
        return
    assert isinstance(filled(message, "en", {"n": n}), str)


def test_the_values_of_a_message_are_known() -> None:
    assert check(CONCERTS, "en", {"n"}) == {"n"}
    assert check("nothing", "en", {"n"}) == set()
    assert check("'{n}'", "en", {"n"}) == set()
