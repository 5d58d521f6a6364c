"""Job ids as people type them."""

from uuid import UUID

import typer


def require_job_id(job_id: str | None) -> str | None:
    """Return the id in its usual spelling; stop the command when it cannot be one."""
    if job_id is None:
        return None
    try:
        return str(UUID(job_id))
    except ValueError as exc:
        example = "019b0c5e-7a1f-7c3d-9e52-4f0d6a8b1c2e"
        raise typer.BadParameter(f"{job_id!r} is not a job id; one looks like {example}.") from exc


def require_id(text: str | None) -> str | None:
    """Return an id of something else than a job in its usual spelling."""
    try:
        return None if text is None else str(UUID(text))
    except ValueError as exc:
        raise typer.BadParameter(f"{text!r} is not an id.") from exc


def require_batch_id(batch_id: str) -> str:
    """Return the id of a batch in its usual spelling; stop the command when it cannot be one."""
    try:
        return str(UUID(batch_id))
    except ValueError as exc:
        raise typer.BadParameter(
            f"{batch_id!r} is not a batch id; see `product-images batches list`."
        ) from exc


def require_job_ids(job_ids: list[str]) -> list[str]:
    """Return the ids in their usual spelling, each once."""
    return list(dict.fromkeys(filter(None, map(require_job_id, job_ids))))
