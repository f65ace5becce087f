"""Completes the OpenAPI document: adds the refusals and file formats of every endpoint, and the endpoints of the
collector. `/docs` shows the document without loading anything from another host.
"""

from __future__ import annotations

import inspect
from importlib.resources import files
from typing import Any, cast

import msgspec.inspect
from litestar import Litestar, Request
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    PathItem,
    Reference,
    RequestBody,
    Schema,
    SecurityScheme,
)
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

from trackway import __version__
from trackway.analyze.file_formats import MEDIA
from trackway.web.server import collector_openapi, questions_openapi

_METHODS = ("get", "post", "put", "patch", "delete")
_REFUSALS = {
    "400": "the request is invalid; `errors` names the fields",
    "401": "no one is signed in, or the key or token is not valid",
    "403": "the caller may not do this",
    "404": "it does not exist, or the caller may not see it",
    "405": "the path does not support this method",
    "409": "it is already running, or this server is not configured for it",
    "413": "the body is too large",
    "415": "the media type of the body is not supported",
    "422": "the engine refuses the statement",
    "429": "too many requests; `retry-after` says how many seconds to wait",
    "503": "the store does not answer now",
}


class Structs(OpenAPISchemaPlugin):
    """Adds what the framework leaves out of the schema of a struct: its docstring, and list or object defaults.

    A property with a default is always part of a response. A struct that omits its defaults has none in its schema.
    """

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Whether a type is a struct. The framework takes the first plugin that supports a type: this one comes before
        its own.
        """
        return not field_definition.is_union and field_definition.is_subclass_of(msgspec.Struct)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        """Return the schema that the framework's own plugin makes of a struct, completed.

        Raises:
            LookupError: the framework has no such plugin.
        """
        # The class of the framework's plugin is private, but its plugins can be listed; others may be of an older
        # kind: one for attrs where that package is installed.
        for plugin in schema_creator.plugins:
            if plugin is self or not isinstance(plugin, OpenAPISchemaPlugin):
                continue
            if plugin.is_plugin_supported_field(field_definition):
                return _completed(plugin.to_openapi_schema(field_definition, schema_creator), field_definition)
        raise LookupError(f"Litestar has no OpenAPI plugin for the struct {field_definition.type_.__name__}")


def _completed(schema: Schema, field_definition: FieldDefinition) -> Schema:
    schema.description = inspect.getdoc(field_definition.type_)
    for field in cast(msgspec.inspect.StructType, msgspec.inspect.type_info(field_definition.type_)).fields:
        property_ = (schema.properties or {})[field.encode_name]
        if not isinstance(property_, Schema):
            continue
        if field_definition.type_.__struct_config__.omit_defaults:
            property_.default = None
        elif field.default_factory in (list, dict):
            property_.default = field.default_factory()
    return schema


class _Part(OpenAPIRenderPlugin):
    """A file of the page at `/docs`."""

    def __init__(self, path: str, name: str, media_type: str) -> None:
        super().__init__(path=path, media_type=media_type)  # type: ignore[arg-type]
        self._content = files("trackway.web.server").joinpath("reference", name).read_bytes()

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002
        """Return the file unchanged."""
        return self._content


class _Document(JsonRenderPlugin):
    """The document as JSON, generated at the first request: it would slow down every start, and is rarely requested."""

    _content = b""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002
        """Return the whole document."""
        if not self._content:
            describe(request.app)
            self._content = super().render(request, request.app.openapi_schema.to_schema())
        return self._content


def config() -> OpenAPIConfig:
    """Configure the document's path and the page that shows it."""
    page = _Part("/", "index.html", "text/html; charset=utf-8")
    script = _Part("/reference.js", "reference.js", "text/javascript; charset=utf-8")
    plugins = [page, script, _Document()]
    return OpenAPIConfig(title="Trackway", version=__version__, path="/docs", render_plugins=plugins)


def describe(app: Litestar) -> None:
    """Add questions and answers, refusals (RFC 9457) and file formats of tables to the document of an application."""
    text = Schema(type=OpenAPIType.STRING)
    problem = Schema(
        type=OpenAPIType.OBJECT,
        required=["type", "title", "status", "detail", "errors"],
        properties={
            "type": text,
            "title": text,
            "status": Schema(type=OpenAPIType.INTEGER),
            "detail": text,
            "errors": Schema(
                type=OpenAPIType.ARRAY,
                items=Schema(type=OpenAPIType.OBJECT, properties={"field": text, "reason": text}),
            ),
        },
    )
    refusal = {"application/problem+json": OpenAPIMediaType(schema=problem)}
    document = app.openapi_schema
    for path in (document.paths or {}).values():
        for operation in _operations(path):
            responses = operation.responses or {}
            for status, description in _REFUSALS.items():
                responses[status] = OpenAPIResponse(description=description, content=dict(refusal))
            names = {parameter.name for parameter in operation.parameters or [] if not isinstance(parameter, Reference)}
            if "format" in names and "host" not in names:
                _forms(responses)
            operation.responses = responses
    # Plain dictionaries: the document is rendered from dictionaries anyway.
    schemas = cast(dict[str, Schema], questions_openapi.schemas())
    document.components.schemas = {**document.components.schemas, **schemas}
    if ask := (document.paths or {})["/api/v1/projects/{project_id}/ask"].post:
        ask.request_body = cast(RequestBody, questions_openapi.REQUEST)
        _forms(ask.responses or {}, cast(Schema, questions_openapi.REPLY))
    document.paths = {**(document.paths or {}), **cast(dict[str, PathItem], collector_openapi.paths())}
    schemes = cast(dict[str, SecurityScheme | Reference], collector_openapi.SECURITY)
    document.components.security_schemes = {**(document.components.security_schemes or {}), **schemes}


def _operations(path: PathItem) -> list[Operation]:
    return [operation for method in _METHODS if (operation := getattr(path, method)) is not None]


def _forms(responses: dict[str, OpenAPIResponse | Reference], json: Schema | None = None) -> None:
    """Describe an answer as JSON, CSV, Parquet or Arrow."""
    content = {"application/json": OpenAPIMediaType(schema=json or Schema())}
    binary = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
    content |= {media: OpenAPIMediaType(schema=binary) for media in MEDIA.values()}
    responses["200"] = OpenAPIResponse(description="the answer, as JSON or as a file", content=content)
