"""The tables of policies: what made each variant, and the targets of presets.

A fingerprint says which policy; here stands what it means, as the code and the file of presets
that once knew it may be gone.
"""

from typing import Any

from sqlalchemy import String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.table import Created, Table


class Policy(Table):
    """What a fingerprint stands for. Workers write what they are about to use; rows never change.

    `revision` is the policy without its encoders: two policies of one preset with the same
    revision are equally up to date. `encoders` are versions by format, and Pillow's own.
    """

    __tablename__ = "policies"

    fingerprint: Mapped[str] = mapped_column(String(40), primary_key=True)
    preset: Mapped[str] = mapped_column(String(60), index=True)
    revision: Mapped[str] = mapped_column(String(40))
    pipeline: Mapped[int]
    encoders: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    first_seen_at: Mapped[Created]


class PresetTarget(Table):
    """The target revision of a preset's images; an image with another one is stale.

    Set on purpose, once per deployment, and not by workers: during an upgrade two versions of
    them run side by side. `fingerprint` is that of the process that set it.
    """

    __tablename__ = "preset_targets"

    preset: Mapped[str] = mapped_column(String(60), primary_key=True)
    revision: Mapped[str] = mapped_column(String(40))
    fingerprint: Mapped[str] = mapped_column(String(40))
    set_at: Mapped[Created]
