"""One body of each question, and a check of its answer."""

from __future__ import annotations

from typing import Any

import msgspec

from trackway.analyze.catalogue import KINDS, QUESTIONS

STEPS = [{"event": "Ask A"}, {"event": "Ask B"}]


BODIES: dict[str, dict[str, Any]] = {
    "top_entities": {"limit": 5},
    "daily": {"subject": "event"},
    "revenue": {"interval": "week"},
    "rfm": {},
    "value_check": {"weeks": 4},
    "attribution": {"by": ["channel", "source"]},
    "customers": {"interval": "weekly", "sort": "orders", "search": "a"},
    "entities": {"entity_type": "concert", "search": "a"},
    "views": {"by": "week"},
    "entity_views": {"entity_type": "concert", "ids": ["c1"]},
    "view_bookings": {"entity_type": "concert"},
    "audience": {"entity_type": "concert", "entity_id": "c1", "by": "traits.gender"},
    "trend": {"series": [{"event": "Ask A"}, {"metric": "persons"}], "formulas": ["A / B"]},
    "funnel": {"steps": STEPS},
    "funnel_units": {"steps": STEPS, "step": 1},
    "entity_funnel": {"rows": True},
    "retention": {"start": {"event": "Ask A"}, "return": {}},
    "retention_people": {"cohort": "2026-01-05"},
    "lifecycle": {},
    "lifecycle_people": {"at": "2026-01-05", "status": "dormant"},
    "stickiness": {},
    "active": {},
    "cohort_sizes": {"cohort": {"did": "Ask A"}},
    "paths": {"groups": ["/concerts/*"]},
    "sessions": {"sort": "duration_s"},
    "sources": {"by": ["channel", "entry_path"]},
    "year": {"person": "1"},
    "personalize": {"person": "1"},
    "stage_moves": {},
    "suggestion_results": {},
    "recommendation_results": {},
    "models": {"entity_type": "concert"},
    "prediction_quality": {},
    "recommend": {"entity_type": "concert", "entity_id": "c1"},
    "customer_value": {"weeks": 39},
    "persons": {"sort": "events"},
    "person": {"visitor_id": "ask-1"},
    "merges": {},
    "event_names": {},
    "properties": {"event": "Ask A"},
    "values": {"of": "properties.plan", "event": "Ask A"},
    "overview": {"compare": "year"},
    "breakdown": {"by": "path", "limit": 5},
    "live": {},
    "newest_events": {"limit": 5},
    "newest_sessions": {"limit": 5, "before": "2100-01-01T00:00:00Z"},
    "visitors": {"search": "a", "limit": 5},
    "visitor": {"visitor_id": "ask-1"},
    "rejections": {},
    "violations": {"limit": 5},
}


def has_its_type(question: str, data: bytes) -> None:
    """Check an answer as JSON: it has the type that the catalogue names, and no other fields."""
    kind = QUESTIONS[KINDS[question]].type
    decoded = msgspec.json.decode(data, type=kind, strict=True)
    assert msgspec.json.decode(msgspec.json.encode(decoded)) == msgspec.json.decode(data)
