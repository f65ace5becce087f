"""The reading client: numbers for the host's own pages. It needs the standard library only."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from trackway.client.answers import Personal, Recommendations


class ReadFailed(Exception):
    """The server did not answer, or refused; the text is the server's own. `status` is that of its answer, 0 without
    one.
    """

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class Reader:
    """Reads a project with its secret key; for servers, never for pages.

    Args:
        secret_key: the project's secret key.
        host: the URL of the Trackway server.
        timeout: seconds to wait for an answer.
    """

    def __init__(self, secret_key: str, host: str = "http://127.0.0.1:8700", timeout: float = 10.0) -> None:
        self._url = host.rstrip("/")
        if not self._url.startswith(("http://", "https://")):
            raise ValueError(f"host is {host!r}; give a URL that starts with http:// or https://")
        self._key, self._timeout = secret_key, timeout
        self._project = ""

    def get_user_profiles(self, anonymous_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the profiles of at most 100 visitors, by id; unknown visitors are left out.

        A profile has `visitor_name`, `first_seen`, `last_seen`, `sessions`, `events`, `page_views`, `bot`, and
        `displayName`, which equals `visitor_name`.

        Raises:
            ReadFailed: the server refuses or does not answer.
        """
        profiles: dict[str, dict[str, Any]] = self._ask("/profiles/lookup", {"ids": list(anonymous_ids)})
        return profiles

    def get_traffic_sources(self, days: int = 30, limit: int = 50) -> list[dict[str, Any]]:
        """Return the sources of sessions of the last 7, 30 or 90 days, the largest first.

        A source has `channel`, `source`, `medium`, `campaign`, `sessions`, `share`, `conversions`, and `revenue` in the
        project's `currency`.

        Raises:
            ReadFailed: the server refuses or does not answer.
        """
        sources: list[dict[str, Any]] = self._ask(f"/traffic-sources?{urlencode({'days': days, 'limit': limit})}")
        return sources

    def has_permission(self, account: str, permission: str) -> bool:
        """Whether an account of the product has a permission now.

        The permission is one of Trackway's, such as `views`, or a key of the host that the metrics pack knows, such as
        `manage_venue_profile`.

        Raises:
            ReadFailed: the account or the permission does not exist, or the server refuses or does not answer.
        """
        answer = self._ask(f"/accounts/{quote(account, safe='')}/permissions/{quote(permission, safe='')}")
        return bool(answer["granted"])

    def personalize(self, user_id: str, include: Sequence[str] = (), language: str = "en") -> Personal | None:
        """Return what is known of a user: the parts in `include`, by default all; None if nothing is.

        Raises:
            ReadFailed: the server refuses or does not answer.
        """
        query = urlencode({"language": language, **({"include": ",".join(include)} if include else {})})
        try:
            personal: Personal = self._request(f"/v1/personalize/{quote(user_id, safe='')}?{query}")
        except ReadFailed as failed:
            if failed.status == 404:
                return None
            raise
        return personal

    def recommend(
        self, entity_type: str = "", user_id: str = "", context: Sequence[str] = (), **parameters: str | int | bool
    ) -> Recommendations:
        """Return entities that fit a user, an `entity` or the moment. A recommendations key does too, in place of the
        secret key.

        Args:
            context: ids of entities in place of a user's own, the newest first.
            parameters: of `/v1/recommend`: `surface`, `kind`, `entity`, `place`, `language`, `limit`, `seen`.

        Raises:
            ReadFailed: the server refuses (429: the quota of the key is used up) or does not answer.
        """
        named = {"entity_type": entity_type, "user": user_id, "context": ",".join(context), **parameters}
        query = {name: str(value).lower() if isinstance(value, bool) else value for name, value in named.items()}
        recommended: Recommendations = self._request(f"/v1/recommend?{urlencode(query)}")
        return recommended

    def state_preference(self, user_id: str, key: str, value: str) -> None:
        """State that a user likes a value of a key, such as `genre`, `jazz`; it wins over what their actions say.

        Raises:
            ReadFailed: the server refuses or does not answer.
        """
        self._prefer(user_id, {"key": key, "value": value, "likes": True})

    def mute_preference(self, user_id: str, key: str, value: str) -> None:
        """State that a user does not like a value of a key, whatever their actions say.

        Raises:
            ReadFailed: the server refuses or does not answer.
        """
        self._prefer(user_id, {"key": key, "value": value, "likes": False})

    def take_back_preference(self, user_id: str, key: str, value: str) -> None:
        """Take back what was stated for a key and value.

        Raises:
            ReadFailed: nothing was stated for them, or the server refuses or does not answer.
        """
        query = urlencode({"key": key, "value": value})
        self._request(f"{_preferences(user_id)}?{query}", method="DELETE")

    def clear_preferences(self, user_id: str) -> None:
        """Clear all preferences of a user: what they stated, and what their actions up to now say.

        Raises:
            ReadFailed: the server refuses or does not answer.
        """
        self._request(_preferences(user_id), method="DELETE")

    def _prefer(self, user_id: str, body: dict[str, Any]) -> None:
        self._request(_preferences(user_id), body, "PUT")

    def _ask(self, path: str, body: Any = None) -> Any:
        if not self._project:
            self._project = self._request("/api/v1/projects")[0]["id"]
        return self._request(f"/api/v1/projects/{self._project}{path}", body)

    def _request(self, path: str, body: Any = None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        request = urllib.request.Request(self._url + path, data, headers, method=method)  # noqa: S310 - http, see above
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:  # noqa: S310
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise ReadFailed(_error_text(error), error.code) from error
        except (OSError, ValueError) as error:
            raise ReadFailed(f"{self._url} does not answer: {error}") from error


def _preferences(user_id: str) -> str:
    return f"/v1/personalize/{quote(user_id, safe='')}/preferences"


def _error_text(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the server answered {error.code}"
