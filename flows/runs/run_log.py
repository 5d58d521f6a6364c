"""The log on a run's page: sentences that carry the fields of the job they are about.

Prefect keeps only the text of a line, so the fields stand in it; its search finds them. Lines of
Prefect's own that say a thing twice, or call an end that was asked for a crash, are set right.
"""

import asyncio
import logging
from dataclasses import dataclass

from prefect.logging import get_run_logger
from prefect.logging.loggers import get_logger

from tasks.jobs.claim import Claim


@dataclass(frozen=True, slots=True)
class RunLog:
    """Writes into the log of the task run or flow run under way, about one job."""

    fields: str

    @classmethod
    def of(cls, claim: Claim) -> "RunLog":
        """Return the log for a claimed job."""
        fields = [f"job_id={claim.job_id}", f"lane={claim.lane}", f"attempt={claim.attempt}"]
        if claim.sku is not None:
            fields.insert(1, f"sku={claim.sku}")
        if claim.batch_id is not None:
            fields.append(f"batch={claim.batch_id}")
        if claim.request_id is not None:
            fields.append(f"request_id={claim.request_id}")
        return cls(" ".join(fields))

    def info(self, sentence: str) -> None:
        """Tell what happened."""
        self._write(logging.INFO, sentence)

    def warning(self, sentence: str) -> None:
        """Tell what went wrong."""
        self._write(logging.WARNING, sentence)

    def _write(self, level: int, sentence: str) -> None:
        get_run_logger().log(level, "%s · %s", sentence, self.fields)


_RUN_LOGGERS = ("flow_runs", "task_runs")
_FAILED_STATE = "Task run failed with state"
_CRASH = "Crash detected!"
_CRASHED_END = "Finished in state Crashed("
_CANCELLED_END = "Finished in state Cancelled("
_TOLD_TO_END = "Ended early, on request."


class OneLineEach(logging.Filter):
    """Leaves one line of Prefect's for each end of a run, in the words of what happened."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is kept."""
        message = str(record.msg)
        if message.startswith(_FAILED_STATE):
            return False  # the state follows in a line of its own; there was no exception to show
        if _is_told_to_end() and message.startswith((_CRASH, _CRASHED_END)):
            record.levelno, record.levelname = logging.INFO, "INFO"
            record.msg, record.args = _TOLD_TO_END, ()
            return not message.startswith(_CRASH)
        if message.startswith(_CANCELLED_END):
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True


def _is_told_to_end() -> bool:
    """Whether the work under way was cancelled, which only this process does."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # a thread of Prefect's
        return False
    return task is not None and task.cancelling() > 0


def tidy_run_logs() -> None:
    """Set right what Prefect writes into the logs of runs, from now on."""
    for name in _RUN_LOGGERS:
        logger = get_logger(name)
        if not any(isinstance(known, OneLineEach) for known in logger.filters):
            logger.addFilter(OneLineEach())
