"""Digests: an entity's views since the last digest, sent to its owners by e-mail or to a webhook."""

from __future__ import annotations

import logging
import smtplib
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from trackway.analyze.entities.views import Views, ViewsRow, views
from trackway.analyze.language.period import Period, period
from trackway.analyze.language.question import Question
from trackway.config import Settings
from trackway.govern.database import GovernDatabase
from trackway.operate.mail import send_mail
from trackway.outgoing import Outgoing
from trackway.statements import Statements
from trackway.store.connection import Store
from trackway.store.entities import Notify

_sql = Statements(__name__)

logger = logging.getLogger("trackway.operate")

_MONDAY = 0


def send_digests(settings: Settings, accounts: GovernDatabase, store: Store, outgoing: Outgoing, at: datetime) -> str:
    """Send the due digests: daily ones about yesterday, and on Mondays weekly ones about the last seven days.

    Each digest is sent once a day, however often this is called; a failed one is tried again at the next call.
    """
    sent = failed = 0
    for project in accounts.projects():
        project_id = UUID(project.id)
        today = period("today", project.timezone, at)
        rows = store.ask(_sql("notified"), {"project": project_id}).to_pylist()
        for row in rows:
            notify = msgspec.json.decode(row["notify"], type=Notify)
            local = today.start.astimezone(ZoneInfo(project.timezone))
            if notify.every == "weekly" and local.weekday() != _MONDAY:
                continue
            key = (project.id, row["entity_type"], row["entity_id"], f"{local:%Y-%m-%d}")
            if not accounts.jobs.first_digest(*key):
                continue
            days = 7 if notify.every == "weekly" else 1
            stretch = Period((local - timedelta(days=days)).astimezone(today.start.tzinfo), today.start)
            question = Question.of(project, stretch)
            try:
                _send(settings, outgoing, notify, _digest(store, question, row))
                sent += 1
            except (OSError, smtplib.SMTPException, ValueError) as error:
                logger.warning("the digest of %s %s was not sent: %s", row["entity_type"], row["entity_id"], error)
                accounts.jobs.take_back_digest(*key)
                failed += 1
    return f"{sent} sent" + (f", {failed} could not be sent and will be tried again" if failed else "")


def _digest(store: Store, question: Question, entity: dict[str, Any]) -> dict[str, Any]:
    def by(dimension: Any) -> list[ViewsRow]:
        body = Views(by=dimension, entity_type=entity["entity_type"], entity_id=entity["entity_id"], limit=5)
        return views(store, question, body)[1]

    signed = {group.value: group.views for group in by("signed_in")}
    return {
        "entity_type": entity["entity_type"],
        "entity_id": entity["entity_id"],
        "name": entity["name"],
        "from": question.period.start,
        "to": question.period.end,
        "views": sum(signed.values()),
        "anonymous": signed.get("anonymous", 0),
        "sources": [{"source": group.value, "views": group.views} for group in by("referrer_source")],
        "places": [{"country": group.value, "views": group.views} for group in by("country")],
    }


def _send(settings: Settings, outgoing: Outgoing, notify: Notify, digest: dict[str, Any]) -> None:
    """Send a digest. Raises OSError, SMTPException or ValueError when it cannot be delivered."""
    if notify.webhook:
        outgoing.post(notify.webhook, {}, msgspec.json.encode(digest))
    if notify.email:
        name = digest["name"] or f"{digest['entity_type']} {digest['entity_id']}"
        lines = [
            f"{name} was viewed {digest['views']} times, {digest['anonymous']} of them by visitors who were not "
            "signed in.",
            "",
        ]
        lines += [f"{source['views']:>8}  {source['source'] or 'no source'}" for source in digest["sources"]]
        send_mail(settings, notify.email, f"{name}: {digest['views']} views", "\n".join(lines))
