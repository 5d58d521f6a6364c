"""The root of all tables, and the column types that they share.

Names of constraints come from one convention, so that a migration can drop what it made.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import DateTime, Enum, MetaData, String, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

from infra.db.ids import new_id

_SHA256_CHARACTERS = 64


def word(values: type[StrEnum], name: str, characters: int = 20) -> Enum:
    """Return a text column type that a named CHECK limits to the enum's values."""
    return Enum(
        values,
        native_enum=False,
        create_constraint=True,
        name=name,
        length=characters,
        values_callable=lambda members: [member.value for member in members],
    )


Id = Annotated[UUID, mapped_column(primary_key=True, default=new_id)]
Sha256 = Annotated[str, mapped_column(String(_SHA256_CHARACTERS))]
Created = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]
Moment = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Metadata = Annotated[dict[str, Any], mapped_column(JSONB, server_default="{}")]


class Table(DeclarativeBase):
    """Declarative root with the naming convention of all constraints."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        }
    )
