"""Messages to a server, and questions to it."""

from typing import Any

import httpx
import pytest

from conftest import EMAIL, PASSWORD, SECRET_KEY, Server

BEARER = {"authorization": f"Bearer {SECRET_KEY}"}


def message(visitor: str, event: str, **fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": event, "anonymousId": visitor, **fields}


def address(server: Server) -> str:
    """The address of the server's project."""
    project = server.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"]
    return f"/api/v1/projects/{project}"


@pytest.fixture(scope="module")
def admin(server: Server) -> httpx.Client:
    client = httpx.Client(base_url=server.url, timeout=60)
    me = client.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()
    client.headers["x-csrf-token"] = me["csrf"]
    return client


def ask(server: Server, path: str, question: str, **body: Any) -> Any:
    response = server.http.post(f"{path}/ask", json={"question": question, **body}, headers=BEARER)
    assert response.status_code == 200, response.text
    return response.json()
