"""The API against its own OpenAPI document, asked by schemathesis with whatever the document allows (and what it does
not), as each kind of caller: no 500, nothing that is not described, nothing for who may not have it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from litestar import Litestar, post
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from conftest import EMAIL, PASSWORD, SECRET_KEY, also, cases
from permission_matrix import (
    CONCERTS,
    DECLARED,
    Installation,
    expected,
    installation,  # noqa: F401
    may,
    put_account,
    signed_in,
)
from trackway.web.server.openapi import Structs

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
LEFT = {
    "POST /api/v1/sign-out",  # ends the sign-in with which the others are asked
    "GET /api/v1/projects/{project_id}/stream",  # has no end
    "GET /api/v1/sign-in/provider",
}
FEW = settings(
    max_examples=cases(3), deadline=None, database=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip

ONCE = settings(FEW, max_examples=1)
"""For nobody, and for an account at an endpoint that is not for accounts: a key is refused there with more examples."""


@pytest.fixture(scope="module")
def document(installation: Installation) -> Any:
    return schemathesis.openapi.from_url(f"{installation.server.url}/docs/openapi.json", timeout=60)


def ask_everything(
    document: Any,
    installation: Installation,
    headers: dict[str, str],
    cookies: dict[str, str],
    who: str,
    permissions: set[str] | None,
) -> int:
    """Ask every operation; `permissions` are the caller's, None for who may do all. Return how often."""
    asked, wrong = [0], []
    for result in document.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        name = f"{operation.method.upper()} {operation.path}"
        if name not in LEFT and "collecting" not in (operation.tags or ()):  # with a write key: tests/web/test_api.py
            allowed = True if permissions is None else expected(DECLARED[name], permissions, who)
            check = _check(
                operation, installation, {"headers": headers, "cookies": cookies}, f"{who}: {name}", allowed, asked
            )
            try:
                check()
            except (FailureGroup, AssertionError) as error:
                wrong.append(f"{name}: {error}")
    assert not wrong, "\n\n".join(wrong)
    return asked[0]


def _check(
    operation: Any,
    installation: Installation,
    given_with: dict[str, Any],
    what: str,
    allowed: bool | None,
    asked: list[int],
) -> Callable[[], None]:
    @(ONCE if allowed is False and what.startswith(("account:", "nobody:")) else FEW)
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        if "project_id" in (case.path_parameters or {}):
            case.path_parameters["project_id"] = installation.project
        response = case.call(**given_with)
        asked[0] += 1
        case.validate_response(response, checks=CHECKS)
        if allowed is False:
            assert response.status_code in (400, 401, 403, 404, 405, 413, 415), f"{what}: {response.status_code}"

    return check


def test_nobody_is_answered_only_what_is_for_anybody(document: Any, installation: Installation) -> None:
    assert ask_everything(document, installation, {}, {}, "nobody", set()) > 150


@pytest.mark.parametrize("kind", [kind if kind in ("user", "artist", "admin") else also(kind) for kind in CONCERTS])
def test_each_type_of_account_is_answered_as_the_document_says(
    document: Any, installation: Installation, kind: str
) -> None:
    own = [] if kind in ("user", "admin") else [{"type": "artist", "id": "own"}]
    name = f"schema-{kind}"
    put_account(installation, name, type=kind, verification="business", subscription="enterprise", entities=own)
    headers = {"authorization": f"Bearer {installation.token(name, seconds=3600)}"}
    permissions = may(kind, "business", "enterprise", False)
    assert ask_everything(document, installation, headers, {}, "account", permissions) > 150


def test_an_administrator_is_answered_as_the_document_says(document: Any, installation: Installation) -> None:
    client = signed_in(installation.server, EMAIL, PASSWORD)
    headers = {"x-csrf-token": client.headers["x-csrf-token"]}
    assert ask_everything(document, installation, headers, dict(client.cookies), "administrator", None) > 150


def test_a_secret_key_is_answered_as_the_document_says(document: Any, installation: Installation) -> None:
    headers = {"authorization": f"Bearer {SECRET_KEY}"}
    assert ask_everything(document, installation, headers, {}, "key", ROLES_OF_KEY) > 150


ROLES_OF_KEY = {
    "views", "interactions", "sources", "audience", "bookings", "live", "year", "ask", "export", "sql", "read", "people",
    "edit", "manage",
}  # fmt: skip


class _Stated(msgspec.Struct):
    """A struct with defaults."""

    needed: int
    text: str = "some"
    names: list[str] = []
    by_name: dict[str, int] = msgspec.field(default_factory=dict)


class _Omitted(msgspec.Struct, omit_defaults=True):
    """A struct that leaves its defaults out."""

    text: str = "some"


def test_the_document_has_the_docstring_and_the_defaults_of_each_struct() -> None:
    @post("/", sync_to_thread=False)
    def handler(data: _Stated) -> _Omitted:
        return _Omitted(data.text)

    # It fails when Litestar changes how it finds plugins, or what its own plugin for structs makes (`Structs`).
    components = Litestar([handler], plugins=[Structs()]).openapi_schema.to_schema()["components"]["schemas"]
    by_title = {schema["title"]: schema for schema in components.values()}
    stated, omitted = by_title["_Stated"], by_title["_Omitted"]
    assert (stated["description"], stated["required"]) == ("A struct with defaults.", ["needed"])
    assert {name: schema.get("default") for name, schema in stated["properties"].items()} == {
        "needed": None, "text": "some", "names": [], "by_name": {},
    }  # fmt: skip
    assert omitted["description"] == "A struct that leaves its defaults out."
    assert "default" not in omitted["properties"]["text"]
