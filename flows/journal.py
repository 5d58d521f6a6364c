"""The log on a run's page: sentences that carry the fields of the job they are about.

Prefect keeps only the text of a line, so the fields stand in it; its search finds them.
"""

import logging
from dataclasses import dataclass

from prefect.logging import get_run_logger

from tasks.claim import Claim


@dataclass(frozen=True, slots=True)
class Journal:
    """Writes into the log of the task run or flow run under way, about one job."""

    fields: str

    @classmethod
    def of(cls, claim: Claim) -> "Journal":
        """Return the log for a claimed job."""
        fields = [f"job_id={claim.job_id}", f"lane={claim.lane}", f"attempt={claim.attempt}"]
        if claim.sku is not None:
            fields.insert(1, f"sku={claim.sku}")
        if claim.batch_id is not None:
            fields.append(f"batch={claim.batch_id}")
        return cls(" ".join(fields))

    def info(self, sentence: str) -> None:
        """Tell what happened."""
        self._write(logging.INFO, sentence)

    def warning(self, sentence: str) -> None:
        """Tell what went wrong."""
        self._write(logging.WARNING, sentence)

    def _write(self, level: int, sentence: str) -> None:
        get_run_logger().log(level, "%s · %s", sentence, self.fields)
