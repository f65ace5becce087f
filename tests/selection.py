"""Which tests run first, and which start a process."""

from __future__ import annotations

import functools
import inspect
import re
import sys
from pathlib import Path
from typing import Any

import pytest

_TESTS = Path(__file__).parent
_PROCESSES = re.compile(
    r"\b(Server|Postgres|Kafka|ClickHouse|Shards|Victim|Popen|launch)\(|\bsubprocess\.|\bprocesses\.|campaign\("
)

LONGEST = (
    "test_repair", "test_server", "test_loader_process", "test_campaign", "test_private_files", "test_cli", "test_move",
    "test_interrupted", "test_shards", "test_common_tasks", "test_loaders_and_mistakes", "test_broker_dies", "test_any_order",
    "test_orders", "test_customer_list", "test_same_tests", "test_views", "test_several_loaders", "test_restored_parts",
    "test_free_sql", "test_accounts_pages", "test_customer_pages", "test_collectors_count", "test_engine_process",
    "test_loader", "test_late_events", "test_openapi", "test_move_to_shards", "test_refused_messages", "test_sdk",
    "test_explore", "test_records", "test_dashboard", "test_permissions", "test_totals", "test_fuzz", "test_kafka_log",
    "test_kafka_waiting", "test_hanging_accounts", "test_dead_letters",
)  # fmt: skip
"""The files that take longest, which the workers begin with, so that none of them is alone at the end."""


def starts_a_process(item: pytest.Item) -> bool:
    """Whether a test, a fixture of it, or a function or class of the tests that one of them names, starts a process."""
    if not isinstance(item, pytest.Function):
        return False
    waiting: list[Any] = [item.function, *(found[-1].func for found in item._fixtureinfo.name2fixturedefs.values())]
    seen = set()
    while waiting:
        code = inspect.unwrap(waiting.pop())
        if code in seen or not _is_ours(code):
            continue
        seen.add(code)
        if _PROCESSES.search(_source(code)):
            return True
        if inspect.isfunction(code):
            waiting += [named for name in code.__code__.co_names if callable(named := code.__globals__.get(name))]
    return False


def _is_ours(code: Any) -> bool:
    return (inspect.isfunction(code) or inspect.isclass(code)) and is_of_tests(code.__module__)


@functools.cache
def is_of_tests(module: str) -> bool:
    return Path(getattr(sys.modules.get(module), "__file__", None) or "/").is_relative_to(_TESTS)


@functools.cache
def _source(code: Any) -> str:
    return inspect.getsource(code)
