"""The system that a test harms, and what the doctor says of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel
from sqlalchemy import text

from infra.broker.topology import Topology
from tasks.doctor.examine import examine
from tasks.doctor.finding import Finding, Level, System


class Patient:
    """Knows one system; `settings` of its parts can be changed."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.topology = Topology(system.settings.broker.queue_prefix)

    def set(self, section: str, **values: Any) -> None:
        """Change settings of a section."""
        settings = self.system.settings
        changed = getattr(settings, section).model_copy(update=values)
        self.system = replace(self.system, settings=replace(settings, **{section: changed}))

    def execute(self, statement: str, **values: Any) -> None:
        """Change rows behind everybody's back."""
        with self.system.database.transaction() as session:
            session.execute(text(statement), values)

    def look(self, check: str, *, repair: bool = False) -> Finding:
        """Return what one check finds."""
        (diagnosis,) = examine(replace(self.system, repair=repair), [check])
        return diagnosis.finding

    def is_well(self, check: str) -> bool:
        """Whether a check finds nothing, or nothing any more."""
        finding = self.look(check)
        return (finding.level, finding.advice, finding.repaired) == (Level.OK, "", "")

    def is_mended(self, check: str) -> bool:
        """Whether a repair says what it did, and leaves nothing."""
        finding = self.look(check, repair=True)
        return finding.level is Level.OK and bool(finding.repaired) and self.is_well(check)

    @contextmanager
    def channel(self) -> Iterator[BlockingChannel]:
        """Yield a channel to the broker."""
        parameters = pika.URLParameters(self.system.settings.broker.url)
        connection = pika.BlockingConnection(parameters)
        try:
            yield connection.channel()
        finally:
            connection.close()
