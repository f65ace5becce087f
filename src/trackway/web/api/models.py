"""The model of recommendations in use: the way back to an earlier version. The question `models` lists them all.

Access: callers with the permission `manage`. Trainings are the job `train-models`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, post

from trackway.analyze.language.period import BadQuestion
from trackway.personalize.recommend.shelf import BadModel
from trackway.runtime import Runtime
from trackway.web.server.caller import Caller


class ChosenModel(msgspec.Struct, forbid_unknown_fields=True):
    """A version of the model for a type of entities."""

    entity_type: str
    version: str


class ModelsOfProject(Controller):
    """`/api/v1/projects/{project_id}/models`"""

    path = "/api/v1/projects/{project_id:uuid}/models"
    tags = ("models",)

    @post("/use", opt={"may": "manage"}, status_code=204, sync_to_thread=True)
    def use(self, project_id: UUID, data: ChosenModel, request: Request[Caller, Any, Any], runtime: Runtime) -> None:
        """Use another version from now on, until the next training."""
        shelf = runtime.recommender.shelf
        # Looked up, and not only opened: a version such as `../…` would be the model of another project.
        known = {(one.project_id, one.entity_type, one.version) for one, _ in shelf.cards()}
        if (str(project_id), data.entity_type, data.version) not in known:
            raise BadQuestion("version", f"there is no version {data.version!r} of a model for {data.entity_type!r}")
        try:
            shelf.use(project_id, data.entity_type, data.version)
        except BadModel as error:
            raise BadQuestion("version", str(error)) from error
        request.user.wrote("model chosen", f"{data.entity_type} {data.version}", project_id)
