"""The bodies of requests and answers about versions and aliases."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from service.schemas import AliasStatus, ReplayReport, Request
from service.versions.orders import LARGEST_VERSION


class MoveAlias(Request):
    """Where an alias is to point."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 2}]})

    version: Annotated[int, Field(ge=1, le=LARGEST_VERSION, description="Number of a version in the store.")]
    force: Annotated[bool, Field(description="Whether it moves however much the versions differ.")] = False


class MovedAlias(AliasStatus):
    """An alias, and what came of trying its new version beside the old one."""

    report: Annotated[ReplayReport | None, Field(description="null: there was nothing to try it against.")]


class ModelAliases(BaseModel):
    """The aliases that a model has."""

    model_config = ConfigDict(extra="forbid")

    aliases: list[AliasStatus]
