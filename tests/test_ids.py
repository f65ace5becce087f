"""Ids that are made one after the other."""

from __future__ import annotations

import time

from trackway.ids import new_id


def test_ids_of_one_millisecond_are_in_the_order_in_which_they_were_made() -> None:
    made = [new_id() for _ in range(2000)]
    assert made == sorted(set(made))


def test_an_id_begins_with_its_time_and_says_that_it_is_a_uuid_of_version_7() -> None:
    before = time.time_ns() // 1_000_000
    one = new_id()
    assert before <= one.int >> 80 <= time.time_ns() // 1_000_000
    assert (one.version, one.variant) == (7, "specified in RFC 4122")
