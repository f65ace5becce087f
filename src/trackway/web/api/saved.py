"""Saved segments, cohorts, questions and annotations; and the undoing of merges.

Access: members of the project and its secret key; viewers only read; only owners and administrators undo merges.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, delete, get, patch, post
from litestar.exceptions import NotFoundException

from trackway.analyze.desk import saved_filter, understood
from trackway.analyze.language.builtin_segments import READY
from trackway.analyze.language.filters import Node, inlined, read
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question
from trackway.analyze.people.cohorts import forget, freeze, listed
from trackway.analyze.people.undone_merges import set_undone
from trackway.govern.saved.tables import Annotation, SavedQuestion, Segment
from trackway.runtime import Runtime
from trackway.web.server.caller import Caller

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class NewSegment(msgspec.Struct, forbid_unknown_fields=True):
    """A segment to save: a `live` filter, or a `list` of the people who match the filter now or who have the given user
    or visitor `ids`.
    """

    name: Name
    kind: Literal["live", "list"] = "live"
    filter: Any = None
    ids: Annotated[list[str], msgspec.Meta(max_length=100_000)] | None = None


class SegmentChange(msgspec.Struct, forbid_unknown_fields=True):
    """Changes to a segment."""

    name: Name | None = None
    filter: Any = None


class SegmentShown(msgspec.Struct):
    """A saved segment or cohort."""

    id: str
    name: str
    kind: str
    filter: Any
    created_by: str
    created_at: datetime
    persons: int | None = None


class NewQuestion(msgspec.Struct, forbid_unknown_fields=True):
    """A name, and the body of a question."""

    name: Name
    ask: dict[str, Any]


class QuestionShown(msgspec.Struct):
    """A saved question; `ask` is a body for `POST …/ask`."""

    id: str
    name: str
    ask: dict[str, Any]
    created_by: str
    created_at: datetime


class NewAnnotation(msgspec.Struct, forbid_unknown_fields=True):
    """A note about a moment."""

    at: datetime
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class AnnotationShown(msgspec.Struct):
    """An annotation."""

    id: str
    at: datetime
    text: str
    created_by: str


class Undone(msgspec.Struct):
    """Whether the merge is undone now."""

    undone: bool


class Undo(msgspec.Struct, forbid_unknown_fields=True):
    """The two numbers of a merge, as `merges` shows them, and whether to undo it or to restore it."""

    identity: str
    person: str
    undone: bool = True


class SavedItems(Controller):
    """`/api/v1/projects/{project_id}/segments`, `/questions`, `/annotations` and `/merges`"""

    path = "/api/v1/projects/{project_id:uuid}"
    tags = ("saved",)

    @get("/segments", opt={"may": "read"}, sync_to_thread=True)
    def segments(self, project_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> list[SegmentShown]:
        """List saved segments and cohorts, and the built-in ones; a filter refers to one as `{"segment": id}`."""
        created_at = request.user.project(project_id).created_at.replace(tzinfo=UTC)
        ready = [
            SegmentShown(segment_id, builtin.name, "ready", builtin.filter, "Trackway", created_at)
            for segment_id, builtin in READY.items()
        ]
        return [_shown(segment) for segment in runtime.accounts.saved.segments(project_id)] + ready

    @post("/segments", opt={"may": "edit"}, sync_to_thread=True)
    def add_segment(
        self, project_id: UUID, data: NewSegment, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> SegmentShown:
        """Save a filter, or a list of people."""
        project = request.user.project(project_id)
        saved, now = runtime.accounts.saved, datetime.now(UTC)
        if data.kind == "live" or data.ids is None:
            node = _read(runtime, project_id, data.filter)
        segment = saved.add_segment(project_id, data.name, data.kind, data.filter, request.user.name)
        if data.kind == "live":
            return _shown(segment)
        cohort_id = UUID(segment.id)
        if data.ids is not None:
            return _shown(segment, listed(runtime.store, project_id, cohort_id, data.ids, now))
        ever = Period(datetime(2000, 1, 1, tzinfo=UTC), now)
        question = Question.of(project, ever, node)
        return _shown(segment, freeze(runtime.store, question, cohort_id, now))

    @patch("/segments/{segment_id:uuid}", opt={"may": "edit"}, sync_to_thread=True)
    def change_segment(
        self,
        project_id: UUID,
        segment_id: UUID,
        data: SegmentChange,
        request: Request[Caller, Any, Any],
        runtime: Runtime,
    ) -> SegmentShown:
        """Rename a segment, or change the filter of a live one."""
        request.user.project(project_id)
        if data.filter is not None:
            _read(runtime, project_id, data.filter)
        segment = runtime.accounts.saved.change_segment(project_id, segment_id, data.name, data.filter)
        if segment is None:
            raise NotFoundException(f"there is no segment {segment_id}")
        return _shown(segment)

    @delete("/segments/{segment_id:uuid}", opt={"may": "edit"}, sync_to_thread=True)
    def remove_segment(
        self, project_id: UUID, segment_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> None:
        """Delete a segment, or a list with its people."""
        request.user.project(project_id)
        if not runtime.accounts.saved.remove_segment(project_id, segment_id):
            raise NotFoundException(f"there is no segment {segment_id}")
        forget(runtime.store, project_id, segment_id)

    @get("/questions", opt={"may": "read"}, sync_to_thread=True)
    def questions(self, project_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> list[QuestionShown]:
        """List saved questions, by name."""
        request.user.project(project_id)
        return [_question(question) for question in runtime.accounts.saved.questions(project_id)]

    @post("/questions", opt={"may": "edit"}, sync_to_thread=True)
    def add_question(
        self, project_id: UUID, data: NewQuestion, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> QuestionShown:
        """Save a question under a name; an invalid question is refused."""
        request.user.project(project_id)
        understood(data.ask)
        return _question(runtime.accounts.saved.add_question(project_id, data.name, data.ask, request.user.name))

    @delete("/questions/{question_id:uuid}", opt={"may": "edit"}, sync_to_thread=True)
    def remove_question(
        self, project_id: UUID, question_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> None:
        """Delete a saved question."""
        request.user.project(project_id)
        if not runtime.accounts.saved.remove_question(project_id, question_id):
            raise NotFoundException(f"there is no saved question {question_id}")

    @get("/annotations", opt={"may": "read"}, sync_to_thread=True)
    def annotations(
        self, project_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> list[AnnotationShown]:
        """List annotations, the oldest first."""
        request.user.project(project_id)
        ever = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
        return [_note(annotation) for annotation in runtime.accounts.saved.annotations(project_id, *ever)]

    @post("/annotations", opt={"may": "edit"}, sync_to_thread=True)
    def annotate(
        self, project_id: UUID, data: NewAnnotation, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> AnnotationShown:
        """Save a note about a moment; trends show it."""
        request.user.project(project_id)
        return _note(runtime.accounts.saved.annotate(project_id, data.at, data.text, request.user.name))

    @delete("/annotations/{annotation_id:uuid}", opt={"may": "edit"}, sync_to_thread=True)
    def remove_annotation(
        self, project_id: UUID, annotation_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> None:
        """Delete an annotation."""
        request.user.project(project_id)
        if not runtime.accounts.saved.remove_annotation(project_id, annotation_id):
            raise NotFoundException(f"there is no annotation {annotation_id}")

    @post("/merges/undo", opt={"may": "control"}, status_code=200, sync_to_thread=True)
    def undo(self, project_id: UUID, data: Undo, request: Request[Caller, Any, Any], runtime: Runtime) -> Undone:
        """Undo a merge, or restore it. From the next answer on, the people of an undone merge are counted
        separately.
        """
        project = request.user.project(project_id)
        now = datetime.now(UTC)
        question = Question.of(project, Period(now, now))
        if not set_undone(runtime.store, question, data.identity, data.person, data.undone, request.user.name, now):
            raise NotFoundException("there is no such merge")
        request.user.wrote("merge undone", f"{data.identity} {data.person}", project_id, undone=data.undone)
        return Undone(data.undone)


def _read(runtime: Runtime, project_id: UUID, filter_: Any) -> Node:
    return read(inlined(filter_, lambda segment_id: saved_filter(runtime.accounts.saved, project_id, segment_id)))


def _shown(segment: Segment, persons: int | None = None) -> SegmentShown:
    return SegmentShown(
        segment.id,
        segment.name,
        segment.kind,
        segment.filter,
        segment.created_by,
        segment.created_at.replace(tzinfo=UTC),
        persons,
    )


def _question(question: SavedQuestion) -> QuestionShown:
    return QuestionShown(
        question.id, question.name, question.ask, question.created_by, question.created_at.replace(tzinfo=UTC)
    )


def _note(annotation: Annotation) -> AnnotationShown:
    return AnnotationShown(annotation.id, annotation.at.replace(tzinfo=UTC), annotation.text, annotation.created_by)
