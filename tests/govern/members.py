"""Members of a server, who have signed in."""

from __future__ import annotations

import httpx

from conftest import EMAIL, PASSWORD, Server


def client_of(server: Server, email: str = EMAIL, password: str = PASSWORD, **more: str) -> httpx.Client:
    client = httpx.Client(base_url=server.url, timeout=30)
    answer = client.post("/api/v1/sign-in", json={"email": email, "password": password, **more})
    assert answer.status_code == 200, answer.text
    client.headers["x-csrf-token"] = answer.json()["csrf"]
    return client


def project_of(client: httpx.Client) -> str:
    return f"/api/v1/projects/{client.get('/api/v1/projects').json()[0]['id']}"
