"""Decoding of small JSON bodies, with refusals that name the field."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from trackway.collect.broken_json import whole_characters
from trackway.collect.native import Refusal
from trackway.wording import fault

Body = TypeVar("Body", bound=msgspec.Struct)


def decode_body(content: bytes, decoder: msgspec.json.Decoder[Body]) -> Body:
    """Decode a body; an empty one counts as `{}`. Raises Refusal (400) when it is not JSON or a field is wrong."""
    try:
        return decoder.decode(whole_characters(content) or b"{}")
    except msgspec.ValidationError as error:
        wrong = fault(error, decoder.type)
        raise Refusal(400, wrong.field or "body", f"{wrong.field or 'the body'}: {wrong.reason}") from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Refusal(400, "body", f"the body is not valid JSON: {error}") from error
