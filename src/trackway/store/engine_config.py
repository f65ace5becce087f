"""The configuration of the engine process: its address, its users and what they may do."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from trackway.store.engine_memory import engine_options, machine_bytes

WRITER, READER = "trackway", "reader"
"""The engine's users: for everything, and for questions about one project."""
READER_GRANTS = ("SELECT ON default.*", "dictGet ON default.*")
READER_SETTINGS = {"readonly": 2, "allow_ddl": 0, "allow_introspection_functions": 0}
"""Settings of the user of questions that no statement can change. With `readonly` 2, a statement changes other settings
but nothing else; 1 would refuse the settings that Trackway gives with each question, the policy's conditions too.
"""
_OF_PROCESS = {**READER_SETTINGS, "allow_python_table_function": 0}
"""Those in the engine process, whose library has `python`: it would run code in the process, and may end it."""

AT_REST = {"memory_worker_period_ms": 1000} | {
    f"background_{pool}processing_pool_task_sleep_seconds_when_no_work_{name}": value
    for pool in ("", "streaming_")
    for name, value in (("multiplier", 1.5), ("max", 10))
}
"""The engine process reads its own memory once a second. A table in which a look for merges found none waits 0.1 s
before the next look, then 1.5 times as long after each one, and at most 10 s; an insert makes it look at once. With the
engine's own values, a server that nobody uses takes several times the CPU time.
"""
KEEP_MERGED_S = 120
"""Seconds for which the engine process keeps a part that a merge or a mutation replaced (store/checkpoint.py)."""
PACKED_BYTES = 1024 * 1024
"""The engine process keeps a part of fewer bytes than that in one file instead of thirteen (decision 22)."""
OF_TABLES = {"old_parts_lifetime": KEEP_MERGED_S, "min_bytes_for_full_part_storage": PACKED_BYTES}
"""Settings of all tables of the engine process that do not state others."""


def derived(name: str, password: str) -> str:
    """Return the secret of a user, from the password of this start."""
    return hashlib.sha256(f"{name} {password}".encode()).hexdigest()


def for_curl(port: int, path: str, password: str) -> str:
    """Return the configuration with which `curl` asks the process as READER."""
    return f'url = "http://127.0.0.1:{port}/{path}"\nuser = "{READER}:{derived(READER, password)}"\nnoproxy = "*"\n'


def configuration(port: int, path: str) -> str:
    """Return `config.xml`: where the process listens, under which path, and the sizes of its caches."""
    return f"""<clickhouse>
<listen_host>127.0.0.1</listen_host><http_port>{port}</http_port><keep_alive_timeout>3600</keep_alive_timeout>
<users_config>users.xml</users_config>
<logger><level>none</level></logger>
<http_handlers><rule><url>/{path}</url><methods>POST</methods>
<handler><type>dynamic_query_handler</type><query_param_name>query</query_param_name></handler></rule></http_handlers>
{_values(engine_options(machine_bytes()))}
{_values(AT_REST)}<merge_tree>{_values(OF_TABLES)}</merge_tree>
</clickhouse>"""


def users(password: str) -> str:
    """Return `users.xml`: the users, with their rights.

    WRITER may do everything. READER, as whom questions about a project are asked, reads tables and
    changes none of `_OF_PROCESS`. `default` is the library's own: it listens, and dictionaries read tables as it.
    """
    here = "<networks><ip>127.0.0.1</ip></networks><quota>default</quota>"
    library = "SYSTEM LISTEN ON *.*", "SELECT ON system.numbers"
    users = (
        ("default", "<password></password>", _granted((*library, "SELECT ON default.*"))),
        (WRITER, _hashed(WRITER, password), ""),
        (READER, _hashed(READER, password), _granted(READER_GRANTS)),
    )
    listed = "".join(
        f"<{name}>{secret}{here}<profile>{READER if name == READER else 'default'}</profile>{grants}</{name}>"
        for name, secret, grants in users
    )
    fixed = "".join(f"<{name}><const/></{name}>" for name in _OF_PROCESS if name != "readonly")
    return f"""<clickhouse>
<profiles><default/><{READER}>{_values(_OF_PROCESS)}<constraints>{fixed}</constraints></{READER}></profiles>
<quotas><default/></quotas>
<users>{listed}</users></clickhouse>"""


def _values(named: Mapping[str, object]) -> str:
    return "".join(f"<{name}>{value}</{name}>" for name, value in named.items())


def _granted(grants: tuple[str, ...]) -> str:
    return f"<grants>{''.join(f'<query>GRANT {grant}</query>' for grant in grants)}</grants>"


def _hashed(user: str, password: str) -> str:
    digest = hashlib.sha256(derived(user, password).encode()).hexdigest()
    return f"<password_sha256_hex>{digest}</password_sha256_hex>"
