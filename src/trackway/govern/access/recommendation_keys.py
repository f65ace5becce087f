"""Recommendations keys: what other companies call `/v1/recommend` with. Each has a quota of calls per day (UTC) and a
price per call, and every call is counted, so that it can be billed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ForeignKey, String, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column, selectinload, sessionmaker

from trackway.govern.tables import Base, Key, Project, hashed

MOST_PRICE = 1_000_000


class RecommendationKey(Base):
    """The quota and the price of a key; the price is in the currency of the project."""

    __tablename__ = "recommendation_keys"
    key_id: Mapped[str] = mapped_column(ForeignKey("keys.id"), primary_key=True)
    calls_per_day: Mapped[int]
    price: Mapped[str] = mapped_column(String(30))


class RecommendationCalls(Base):
    """The calls of a key on a day (UTC)."""

    __tablename__ = "recommendation_calls"
    key_id: Mapped[str] = mapped_column(ForeignKey("keys.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    calls: Mapped[int]


class Usage(NamedTuple):
    """The calls of a key on a day, and what they cost."""

    key_id: str
    hint: str
    day: date
    calls: int
    calls_per_day: int
    price: Decimal


class RecommendationKeys:
    """Reads and counts what is done with recommendations keys.

    Args:
        sessions: creates sessions of the accounts database.
    """

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def agree(self, key_id: str, calls_per_day: int, price: Decimal) -> None:
        """Set the quota and the price of a new key."""
        with self._sessions.begin() as session:
            session.add(RecommendationKey(key_id=key_id, calls_per_day=calls_per_day, price=f"{price:f}"))

    def of(self, secret: str) -> tuple[Project, str] | None:
        """Return the project and the id of a key that is in force, or None."""
        with self._sessions() as session:
            key = session.scalar(
                select(Key)
                .where(Key.value == hashed(secret), Key.kind == "recommend", Key.revoked_at.is_(None))
                .options(selectinload(Key.project).selectinload(Project.keys))
            )
            return (key.project, key.id) if key else None

    def count(self, key_id: str, now: datetime) -> int:
        """Count a call. Returns 0, or, if the quota of the day is used up, the seconds until the next day; then the
        call does not count.

        Calls at the same time, also of several processes, never exceed the quota: the row is changed by one statement.
        """
        day = now.astimezone(UTC).date()
        with self._sessions() as session:
            agreed = session.get(RecommendationKey, key_id)
            most = agreed.calls_per_day if agreed else 0
        counted = most > 0 and (
            self._counted(key_id, day, most) or self._first(key_id, day) or self._counted(key_id, day, most)
        )
        if not counted:
            midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC)
            return max(1, round((midnight - now).total_seconds()))
        return 0

    def _counted(self, key_id: str, day: date, most: int) -> bool:
        table = RecommendationCalls
        left = update(table).where(table.key_id == key_id, table.day == day, table.calls < most)
        with self._sessions.begin() as session:
            done = session.execute(left.values(calls=table.calls + 1))
            return bool(done.rowcount)  # type: ignore[attr-defined]

    def _first(self, key_id: str, day: date) -> bool:
        """Count the first call of a day. Returns False if there was one."""
        try:
            with self._sessions.begin() as session:
                session.add(RecommendationCalls(key_id=key_id, day=day, calls=1))
        except IntegrityError:
            return False
        return True

    def usage(self, project_id: UUID, since: date) -> list[Usage]:
        """Return the calls of all keys of a project by day, the newest first; revoked keys too."""
        statement = (
            select(Key, RecommendationKey, RecommendationCalls)
            .join(RecommendationKey, RecommendationKey.key_id == Key.id)
            .join(RecommendationCalls, RecommendationCalls.key_id == Key.id)
            .where(Key.project_id == str(project_id), RecommendationCalls.day >= since)
            .order_by(RecommendationCalls.day.desc(), Key.created_at)
        )
        with self._sessions() as session:
            return [
                Usage(key.id, key.hint, calls.day, calls.calls, agreed.calls_per_day, Decimal(agreed.price))
                for key, agreed, calls in session.execute(statement)
            ]
