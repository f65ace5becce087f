"""URLs: the short way for plain ones gives the parts that the long way gives."""

from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import cases
from trackway.enrich import url

PARTS = [
    "http://", "https://", "HTTP://", "ftp://", "//", "a.example", "A.example", "xn--mnchen-3ya.de", "a..b", "[::1]", ":80", "u@", "/", "//",
    "/a", "/a/", "/é", "%41", "%2F", "?", "?a=b", "&c=%20", "?", "#", "#/r", " ", "\t", "\n", ";p", "\\", "*", "[", "]", "$", "'", '"', "|",
]  # fmt: skip


@settings(max_examples=cases(1000), deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=7).map("".join))
def test_the_short_way_to_split_a_url_gives_what_the_long_way_gives(address: str) -> None:
    assert url.split.__wrapped__(address) == url._split(address)


@settings(max_examples=cases(1000), deadline=None)
@given(
    st.sampled_from(["http://", "https://a.example", "https://a.example/", "https://a.example/x?"]),
    st.text(max_size=12),
)
def test_and_for_any_text_after_its_beginning(beginning: str, text: str) -> None:
    assert url.split.__wrapped__(beginning + text) == url._split(beginning + text)
