"""Endpoints that are added to the generated OpenAPI document, because the web framework does not know them: those of
the collector (messages, views, session ends) and `/metrics`.
"""

from __future__ import annotations

from typing import Any

from trackway.collect.session_end import PATHS as ENDS
from trackway.event import MESSAGE_TYPES
from trackway.web.server.metrics import PATH as METRICS

TAG = "collecting"
SECURITY = {
    "writeKey": {"type": "http", "scheme": "basic", "description": "a write key as user, without a password"},
    "metricsToken": {"type": "http", "scheme": "bearer", "description": "the setting metrics_token"},
}
_Json = dict[str, Any]

_ID: _Json = {"oneOf": [{"type": "string", "maxLength": 255}, {"type": "integer"}]}
_VIEWER: _Json = {**_ID, "description": "the viewer; trusted only when the host sends it with its secret key"}
_TEXT: _Json = {"type": "string"}
_OBJECT: _Json = {"type": "object"}
_TIME: _Json = {"type": "string", "format": "date-time"}
_FIELDS: dict[str, _Json] = {
    "anonymousId": {**_ID, "description": "the visitor; this or userId"},
    "userId": {**_ID, "description": "the user, when somebody is signed in"},
    "messageId": {**_ID, "description": "repeats within 7 days count once; generated when it is missing"},
    "timestamp": {**_TIME, "description": "the time of the event; the time of arrival when it is missing"},
    "sentAt": {**_TIME, "description": "the time on the sender's clock; it corrects the timestamps"},
    "context": {**_OBJECT, "description": "page, userAgent, ip, locale, screen, campaign, sessionId, library"},
    "writeKey": {**_TEXT, "description": "in place of HTTP Basic"},
}
_OF_TYPE: dict[str, tuple[str, list[str], dict[str, _Json]]] = {
    "track": ("Record an event", ["event"], {"event": _TEXT, "properties": _OBJECT}),
    "page": ("Record a page view", [], {"name": _TEXT, "category": _TEXT, "properties": _OBJECT}),
    "screen": ("Record a screen of an application", [], {"name": _TEXT, "category": _TEXT, "properties": _OBJECT}),
    "identify": ("Identify a visitor", [], {"traits": _OBJECT}),
    "group": ("Assign a user to a group", ["groupId"], {"groupId": _ID, "traits": _OBJECT}),
    "alias": ("Join two ids of a person", ["previousId"], {"previousId": _ID}),
}
_REFUSALS = {
    "400": "no message could be accepted; `errors` names the fields", "401": "there is no such write key",
    "405": "the endpoint does not support this method", "413": "the body is too large",
    "503": "it cannot be written now; send it again after `retry-after` seconds",
}  # fmt: skip
_PROBLEM: _Json = {
    "type": "object",
    "properties": {"type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT,
                   "errors": {"type": "array", "items": _OBJECT, "description": "the field and reason of each error"}},
}  # fmt: skip


def paths() -> dict[str, _Json]:
    """Return the path items (OpenAPI 3.1) by path."""
    path_items = {f"/v1/{kind}": {"post": _message(kind)} for kind in MESSAGE_TYPES}
    path_items["/v1/batch"] = {"post": _batch()}
    path_items["/v1/pixel.gif"] = {"get": _pixel()}
    path_items["/v1/entities/{entity_type}/{entity_id}/view"] = {"post": _view("view", ["entity_type", "entity_id"])}
    path_items["/api/profiles/{entity_id}/track-view"] = {"post": _view("track-view", ["entity_id"])}
    for number, path in enumerate(ENDS):
        path_items[path] = {"post": _end(f"session-end-{number}")}
    path_items[METRICS] = {"get": _metrics()}
    return path_items


def _operation(name: str, summary: str, answers: dict[str, _Json], **more: Any) -> _Json:
    return {"operationId": f"collect-{name}", "summary": summary, "tags": [TAG], "security": [{"writeKey": []}, {}],
            **more, "responses": answers | _refused(_REFUSALS)}  # fmt: skip


def _refused(descriptions: dict[str, str]) -> dict[str, _Json]:
    return {
        status: {"description": description, "content": {"application/problem+json": {"schema": _PROBLEM}}}
        for status, description in descriptions.items()
    }


def _body(required: list[str], properties: dict[str, _Json]) -> _Json:
    schema: _Json = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _answer(description: str, **properties: _Json) -> _Json:
    schema = {"type": "object", "properties": properties}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


_TAKEN = {
    "202": _answer(
        "the accepted messages are on disk",
        accepted={"type": "integer", "description": "the number of accepted messages"},
        rejected={"type": "array", "items": _OBJECT, "description": "the rejected messages: index, field and reason"},
        notes={"type": "array", "items": _OBJECT, "description": "the parts of accepted messages that were left out"},
    )
}


def _message(kind: str) -> _Json:
    summary, required, fields = _OF_TYPE[kind]
    return _operation(kind, summary, _TAKEN, requestBody=_body(required, fields | _FIELDS))


def _batch() -> _Json:
    kinds = {"type": {"type": "string", "enum": list(MESSAGE_TYPES)}}
    all_fields = {name: field for _, _, fields in _OF_TYPE.values() for name, field in fields.items()}
    message = {"type": "object", "required": ["type"], "properties": kinds | all_fields | _FIELDS}
    messages = {"type": "array", "maxItems": 500, "items": message}
    shared = {name: _FIELDS[name] for name in ("sentAt", "context", "writeKey")}
    body = _body(["batch"], {"batch": messages, **shared})
    return _operation("batch", "Record up to 500 messages of 32 KiB each", _TAKEN, requestBody=body)


def _query(name: str, description: str, required: bool = False) -> _Json:
    return {"name": name, "in": "query", "required": required, "description": description, "schema": _TEXT}


def _pixel() -> _Json:
    parameters = [
        _query("writeKey", "the project's write key", required=True),
        _query("event", "an event's name; a page view when it is missing"),
        _query("anonymousId", "the visitor; the day's pseudonym when it is missing"),
        _query("url", "the page; the referrer of the request when it is missing"),
    ]
    image: _Json = {"200": {"description": "one transparent pixel", "content": {"image/gif": {}}}}
    return _operation("pixel", "Record by an image", image, parameters=parameters)


def _view(name: str, inside: list[str]) -> _Json:
    parameters = [{"name": part, "in": "path", "required": True, "schema": _TEXT} for part in inside]
    counted = _answer("whether the view counted", tracked={"type": "boolean"}, reason=_TEXT, message=_TEXT)
    fields = {"session_id": _ID, "anonymous_id": _ID, "viewer_id": _VIEWER, "referrer_source": _TEXT, "writeKey": _TEXT}
    operation = _operation(name, "Count the view of an entity, once a session in 24 hours", {"200": counted},
                           parameters=parameters, requestBody=_body(["session_id"], fields))  # fmt: skip
    operation["responses"]["404"] = {
        **operation["responses"]["400"],
        "description": "the project's register has no such entity",
    }
    return operation


def _end(name: str) -> _Json:
    shape = {"session_id": _TEXT, "ended_at": _TIME, "duration_s": {"type": "number"}}
    answers = {
        "202": _answer("the session ends now", **shape),
        "200": _answer("the session had already ended", **shape),
    }
    body = _body(["session_id"], {"session_id": _ID, "anonymous_id": _ID, "writeKey": _TEXT})
    operation = _operation(name, "End a session", answers, requestBody=body)
    operation["responses"]["404"] = {**operation["responses"]["400"], "description": "the session is unknown"}
    return operation


def _metrics() -> _Json:
    written = {"schema": _TEXT}
    media = {"text/plain": written, "application/openmetrics-text": written}
    answers = {"200": {"description": "the metrics, in the format that `Accept` asks for", "content": media}}
    refused = _refused(
        {"401": "the token is missing or wrong", "404": "the setting metrics_token is empty", "405": "use GET",
         "429": "too many requests; `retry-after` says how many seconds to wait"}
    )  # fmt: skip
    return {"operationId": "metrics", "summary": "Tell Prometheus how the process is doing", "tags": ["health"],
            "security": [{"metricsToken": []}], "responses": answers | refused}  # fmt: skip
