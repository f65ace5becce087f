"""The sentence over recommendations: on what they are based, in the reader's language."""

from __future__ import annotations

_TEXTS = {
    "history": {"en": "Based on your {type} activity", "de": "Passend zu deiner Aktivität ({type})"},
    "visit": {"en": "Based on what you are looking at now", "de": "Passend zu dem, was du gerade ansiehst"},
    "similar": {"en": "Like {name}", "de": "Ähnlich wie {name}"},
    "also_viewed": {"en": "People who saw {name} also saw", "de": "Wer {name} ansah, sah auch"},
    "bought_together": {"en": "Bought together with {name}", "de": "Zusammen gekauft mit {name}"},
    "trending": {"en": "Trending now", "de": "Gerade im Trend"},
    "trending in": {"en": "Trending in {place}", "de": "Gerade im Trend in {place}"},
    "popularity": {"en": "Popular with everybody", "de": "Bei allen beliebt"},
    "popularity in": {"en": "Popular in {place}", "de": "Beliebt in {place}"},
}


def reasoning(basis: str, kind: str, language: str, entity_type: str, name: str, place: str) -> str:
    """Return the sentence in a language, in its main language, or in English."""
    texts = _TEXTS[kind if basis == "entity" else f"{basis} in" if place and f"{basis} in" in _TEXTS else basis]
    text = texts.get(language) or texts.get(language.split("-", maxsplit=1)[0]) or texts["en"]
    return text.format(type=entity_type, name=name, place=place)
