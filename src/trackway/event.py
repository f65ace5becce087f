"""The central data types: a Message as received, an Arrival as logged, an Event as stored.

Every other module of Trackway may import this one; it imports only `ids`, which the clients have too.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import msgspec
import xxhash

from trackway.ids import Millis as Millis  # noqa: PLC0414
from trackway.ids import new_id as new_id  # noqa: PLC0414
from trackway.ids import now as now  # noqa: PLC0414
from trackway.ids import uuid7 as uuid7  # noqa: PLC0414

MESSAGE_TYPES = ("track", "page", "screen", "identify", "group", "alias")

GAP: Millis = 30 * 60_000
"""The time without an event after which a session ends."""
MOST_AHEAD: Millis = 5 * 60_000
"""The most that a time may be ahead of arrival; a later time comes from a wrong clock."""


UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError)
"""The errors of decoding: msgspec reports a text that is not UTF-8 as Python does."""


class BadContext(ValueError):
    """The context of a message in the log cannot be decoded."""


class Message(msgspec.Struct, rename="camel", omit_defaults=True, gc=False):
    """One call of a client, in Segment's vocabulary (https://segment.com/docs/connections/spec/).

    Fields that Trackway does not use (`integrations`, `channel`, ...) are dropped when decoding.
    """

    type: str = ""
    message_id: str | int | None = None
    anonymous_id: str | int | float | None = None
    user_id: str | int | float | None = None
    event: str | None = None
    name: str | None = None
    category: str | None = None
    group_id: str | int | None = None
    previous_id: str | int | None = None
    timestamp: datetime | int | float | None = None
    original_timestamp: datetime | int | float | None = None
    sent_at: datetime | int | float | None = None
    context: dict[str, Any] | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None


class Packed(msgspec.Struct, rename="camel", omit_defaults=True, gc=False):
    """A `Message` as the loader reads it: ids are text, times are milliseconds, the context is still MessagePack.

    All that the collector writes has this form. Decoding the context only where it differs from those of other messages
    takes a third of the time.
    """

    message_id: str
    type: Literal["track", "page", "screen", "identify", "group", "alias"]
    anonymous_id: str | None = None
    user_id: str | None = None
    event: str | None = None
    name: str | None = None
    category: str | None = None
    group_id: str | None = None
    previous_id: str | None = None
    timestamp: int | None = None
    original_timestamp: int | None = None
    sent_at: int | None = None
    context: msgspec.Raw = msgspec.Raw(b"\x80")
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None


def whole(message: Message | Packed) -> Message:
    """Return a message with its context. Raises BadContext when that is not what a client can have sent."""
    if isinstance(message, Message):
        return message
    fields = {name: getattr(message, name) for name in Packed.__struct_fields__ if name != "context"}
    try:
        return Message(**fields, context=_contexts.decode(message.context) or None)
    except UNREADABLE as error:
        raise BadContext(f"the context cannot be read: {error}") from error


_contexts = msgspec.msgpack.Decoder(dict[str, Any] | None)


class Rejection(msgspec.Struct, omit_defaults=True):
    """The refusal of one message of a request: its index, the field, the problem and the correction.

    For a file, it also has the number and the text of the line.
    """

    index: int
    field: str
    reason: str
    message_id: str = ""
    body: str = ""
    line: int = 0
    text: str = ""


class Violation(msgspec.Struct, array_like=True):
    """A violation of the tracking plan by one message; the property is empty when the event itself is the problem."""

    message_id: str
    event: str
    property: str
    problem: str
    library: str
    library_version: str
    rejected: bool


class Location(NamedTuple):
    """The location of an IP address: ISO 3166-1 country, region and city in English; whether it is a data centre's."""

    country: str = ""
    region: str = ""
    city: str = ""
    datacenter: bool = False


class Arrival(msgspec.Struct, array_like=True):
    """One request as the log keeps it: accepted messages, refused messages, and its origin.

    `ip` is already truncated (or empty), and `location` is that of the whole IP address. `browser` is true when the
    user agent is the visitor's own and not that of a server that sends for visitors.
    """

    received_at: Millis
    project_id: bytes
    ip: str
    location: Location
    user_agent: str
    language: str
    browser: bool
    sent_at: Millis | None
    messages: list[Message]
    rejections: list[Rejection] = []
    violations: list[Violation] = []


class _OfPacked(Arrival, array_like=True):
    messages: list[Packed]  # type: ignore[assignment]


_packed, _unpacked = msgspec.msgpack.Decoder(_OfPacked), msgspec.msgpack.Decoder(Arrival)


def arrival_of(record: bytes) -> Arrival:
    """Return the request in a record of the log, its messages `Packed` when all of them have that form.

    Raises:
        msgspec.MsgspecError, UnicodeDecodeError: the record is no request.
    """
    try:
        return _packed.decode(record)
    except msgspec.ValidationError:
        return _unpacked.decode(record)


class Event(msgspec.Struct, gc=False):
    """One row of the events table: a message after enrichment.

    The fields are the table's columns, in order; `trackway.store.arrow_blocks` turns lists of events into Arrow.
    `channel`, `source`, `medium`, `campaign`, `term` and `content` are those of the event's session; `identity` is the
    number of its user or visitor (`trackway.enrich.identity`).
    """

    project_id: bytes
    event_id: bytes
    message_id: str
    type: str
    name: str
    timestamp: Millis
    received_at: Millis
    visitor_id: str
    visitor_name: str
    user_id: str
    group_id: str
    session_id: bytes
    host: str
    path: str
    query: str
    title: str
    referrer: str
    referrer_host: str
    channel: str
    source: str
    medium: str
    campaign: str
    term: str
    content: str
    click_id: str
    device: str
    browser: str
    browser_version: str
    system: str
    system_version: str
    country: str
    region: str
    city: str
    language: str
    timezone: str
    screen_width: int
    ip: str
    bot: str
    revenue: Decimal
    currency: str
    entity_type: str
    entity_id: str
    properties: bytes
    library: str
    identity: int


def to_millis(value: datetime | int | float) -> Millis:
    """Return a client's time as milliseconds; numbers are seconds below 1e11 and milliseconds above, naive times UTC.

    Raises:
        OverflowError, ValueError: the time lies outside the years that a datetime can hold.
    """
    if isinstance(value, datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=UTC)
        return int(value.timestamp() * 1000)
    return int(value * 1000 if abs(value) < 1e11 else value)


_MOODS = (
    "Agile Amber Ancient Arctic Autumn Bashful Bold Brave Breezy Bright Bubbly Calm Candid Careful Cheerful Clever "
    "Cosmic Cosy Crimson Curious Dainty Dapper Daring Dazzling Dreamy Eager Early Earnest Electric Elegant Fabled "
    "Fancy Fearless Festive Fluffy Friendly Frosty Gallant Gentle Gifted Glad Gleaming Golden Graceful Happy Hazel "
    "Hidden Honest Humble Jazzy Jolly Joyful Keen Kind Lively Lucky Lunar Magic Mellow Merry Mighty Misty Modest "
    "Mossy Nimble Noble Patient Peaceful Playful Plucky Polite Proud Quick Quiet Quirky Radiant Rapid Rosy Royal "
    "Rustic Sandy Scarlet Serene Shiny Silent Silver Sleepy Smiling Snowy Solar Sparkling Spry Starry Steady Stormy "
    "Sunny Swift Tidy Velvet Vivid Witty"
).split()

_ANIMALS = (
    "Albatross Alpaca Antelope Armadillo Badger Beaver Bison Bobcat Butterfly Camel Capybara Caribou Chameleon "
    "Cheetah Chinchilla Chipmunk Cormorant Cougar Coyote Crane Cricket Curlew Deer Dolphin Donkey Dormouse Dove "
    "Dragonfly Eagle Echidna Egret Elephant Elk Falcon Ferret Finch Firefly Flamingo Fox Gazelle Gecko Gibbon "
    "Giraffe Goose Gopher Hamster Hare Hedgehog Heron Hippo Hummingbird Ibex Ibis Iguana Jackdaw Jaguar Kestrel "
    "Kingfisher Kiwi Koala Lark Lemur Leopard Llama Lynx Magpie Manatee Marmot Meerkat Mongoose Moose Narwhal Newt "
    "Nightingale Ocelot Octopus Okapi Orca Osprey Otter Owl Panda Pangolin Parrot Pelican Penguin Plover Puffin "
    "Quail Quokka Rabbit Raccoon Raven Robin Salamander Seal Sparrow Squirrel Stork Swan Tapir Tiger Toucan Turtle "
    "Walrus Weasel Wombat Wren Zebra"
).split()


def friendly_name(visitor_id: str) -> str:
    """Return the name under which a visitor is shown ("Fluffy Panda"): a pure function of the id, the same everywhere.

    There are about ten thousand names, so two visitors may share one; only the id identifies a visitor.
    """
    digest = xxhash.xxh3_64_intdigest(visitor_id.encode())
    return f"{_MOODS[digest % len(_MOODS)]} {_ANIMALS[(digest >> 32) % len(_ANIMALS)]}"
