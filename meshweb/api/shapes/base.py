"""What every shape is made of."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel

from meshweb.controlplane.render import timestamp

T = TypeVar("T")

Time = Annotated[datetime, PlainSerializer(timestamp, return_type=str, when_used="json")]
"""RFC 3339, UTC, milliseconds."""


class Shape(BaseModel):
    """camelCase outside, snake_case inside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True)


class Page(Shape, Generic[T]):
    """`next`: cursor of the next page. `revision`: the newest one when the page was read."""

    items: list[T]
    next: str | None
    revision: int

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """`DocumentPage` in the OpenAPI document."""
        return f"{params[0].__name__}Page"


class Input(Shape):
    """A body that comes in: what it does not know, it refuses."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True, extra="forbid")
