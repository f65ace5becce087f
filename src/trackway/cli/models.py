"""`trackway models`: the models of recommendations in the data directory."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from trackway import config
from trackway.cli import show
from trackway.cli.jobs import run_job
from trackway.cli.people import Data, Json, find_project, open_accounts
from trackway.config import BadSettings
from trackway.personalize.recommend.cards import Measured
from trackway.personalize.recommend.shelf import BadModel, Shelf

models = typer.Typer(no_args_is_help=True, help="Models of recommendations: list, proof, train, roll back.")
Type = Annotated[str, typer.Argument(help="the type of the entities, such as concert")]


def _shelf(data: str | None) -> Shelf:
    with show.refusals(BadSettings):
        return Shelf(config.load(data=data).directory / "models")


@models.command("list")
def list_models(data: Data = None, json: Json = False) -> None:
    """List all versions of all models, with their quality on interactions that they had not seen."""
    show.rows([
        {"project": card.project_id, "entity_type": card.entity_type, "version": card.version, "in_use": in_use,
         "served": in_use and card.trained.better,
         "kind": card.trained.kind, "people": card.trained.people, "entities": card.trained.entities,
         "interactions": card.trained.interactions, "reason": card.trained.reason}
        for card, in_use in _shelf(data).cards()
    ], json)  # fmt: skip


@models.command("evaluate")
def evaluate(entity_type: Type, project: str | None = None, data: Data = None, json: Json = False) -> None:
    """Show what the last training tried, and how good each model was beside popularity."""
    wanted = find_project(open_accounts(data), project).id
    cards = [card for card, _ in _shelf(data).cards() if (card.project_id, card.entity_type) == (wanted, entity_type)]
    if not cards:
        show.fail(f"there is no model for {entity_type!r}; run `trackway models train`")
    show.rows([
        {"kind": one.kind, **one.parameters, "seconds": one.seconds,
         **{name: getattr(one.warm, name, None) for name in Measured.__struct_fields__}}
        for one in cards[0].trained.tried
    ], json)  # fmt: skip


@models.command("train")
def train(data: Data = None, json: Json = False) -> None:
    """Train all models now, on a stopped store. A running server trains them each night, or from its page of jobs."""
    run_job("train-models", data, json)


@models.command("rollback")
def rollback(entity_type: Type, version: str = "", project: str | None = None, data: Data = None) -> None:
    """Use another version of a model: by default, the one before the one in use. A running server takes it at once."""
    wanted, shelf = find_project(open_accounts(data), project).id, _shelf(data)
    versions = [
        (card.version, in_use) for card, in_use in shelf.cards()
        if (card.project_id, card.entity_type) == (wanted, entity_type)
    ]  # fmt: skip
    before = [one for one, _ in versions[[in_use for _, in_use in versions].index(True) + 1 :]] if versions else []
    if not version and not before:
        show.fail(f"there is no earlier version of the model for {entity_type!r}")
    with show.refusals(BadModel):
        shelf.use(UUID(wanted), entity_type, version or before[0])
    typer.echo(f"{entity_type}: version {version or before[0]} is in use")
