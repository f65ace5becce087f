"""The models of recommendations of a project: their versions and quality, and the way back to an earlier one.

Access: who may ask questions sees them; the permission `manage` chooses the version in use. Trainings are the job
`train-models`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, get, post

from trackway.analyze.language.period import BadQuestion
from trackway.personalize.recommend.cards import Card, Trained
from trackway.personalize.recommend.shelf import BadModel
from trackway.runtime import Runtime
from trackway.web.server.caller import Caller


class ModelVersion(msgspec.Struct, kw_only=True):
    """A version of a model: when it was trained, the time of the newest interactions that it knows, the result of the
    training, and whether it is the one in use.
    """

    entity_type: str
    version: str
    in_use: bool
    trained_at: datetime
    until: datetime
    trained: Trained


class ChosenModel(msgspec.Struct, forbid_unknown_fields=True):
    """A version of the model for a type of entities."""

    entity_type: str
    version: str


class ModelsOfProject(Controller):
    """`/api/v1/projects/{project_id}/models`"""

    path = "/api/v1/projects/{project_id:uuid}/models"
    tags = ("models",)

    @get("/", opt={"may": "ask"}, sync_to_thread=True)
    def models(self, project_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> list[ModelVersion]:
        """List the kept versions of all models, the newest of each first."""
        return _versions(runtime, request.user.project(project_id).id)

    @post("/use", opt={"may": "manage"}, status_code=200, sync_to_thread=True)
    def use(
        self, project_id: UUID, data: ChosenModel, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> list[ModelVersion]:
        """Use another version from now on, until the next training."""
        project = request.user.project(project_id)
        # Looked up, and not only opened: a version such as `../…` would be the model of another project.
        known = {(one.entity_type, one.version) for one in _versions(runtime, project.id)}
        if (data.entity_type, data.version) not in known:
            raise BadQuestion("version", f"there is no version {data.version!r} of a model for {data.entity_type!r}")
        try:
            runtime.recommender.shelf.use(project_id, data.entity_type, data.version)
        except BadModel as error:
            raise BadQuestion("version", str(error)) from error
        request.user.wrote("model chosen", f"{data.entity_type} {data.version}", project_id)
        return _versions(runtime, project.id)


def _versions(runtime: Runtime, project_id: str) -> list[ModelVersion]:
    return [_shown(card, in_use) for card, in_use in runtime.recommender.shelf.cards() if card.project_id == project_id]


def _shown(card: Card, in_use: bool) -> ModelVersion:
    return ModelVersion(
        entity_type=card.entity_type,
        version=card.version,
        in_use=in_use,
        trained_at=datetime.strptime(card.version, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC),
        until=card.until,
        trained=card.trained,
    )
