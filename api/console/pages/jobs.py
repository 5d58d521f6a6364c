"""One job: what became of each of its images and why, and what may be done about it."""

from fastapi import APIRouter, Request, Response

from api.auth.permissions import SeesQueries
from api.auth.session import CONSOLE_PATH
from api.console.page import page, redirect
from api.console.viewer import Form
from api.dependencies import Resources
from api.routes import jobs
from infra.contract.states import WaitReason

_WAITING = {
    WaitReason.BROKER: "its message to reach RabbitMQ",
    WaitReason.WORKER: "a worker: none is running",
    WaitReason.DATABASE: "the database",
    WaitReason.STORAGE: "the object store",
    WaitReason.PREFECT: "Prefect, which does not answer",
    WaitReason.DEPLOYMENT: "its deployment, which Prefect does not know yet",
    WaitReason.PAUSE: "the end of a pause that a person set in Prefect",
    WaitReason.SOURCE: "the supplier's host, which asked to come back later",
}

router = APIRouter(prefix=f"{CONSOLE_PATH}/jobs", include_in_schema=False)


@router.get("/{job_id}")
def get_job(
    job_id: str, request: Request, resources: Resources, sees_queries: SeesQueries
) -> Response:
    """Show a job with the outcome of each image."""
    return page(
        request,
        "job.html.j2",
        job=jobs.get_job(job_id, resources, sees_queries),
        waiting=_WAITING,
        prefect=resources.configuration.prefect.pages,
    )


@router.post("/{job_id}/retry")
def post_retry(job_id: str, resources: Resources, response: Response, form: Form) -> Response:
    """Try the failed images of a job again, or the one that the form names."""
    image_id = str(form.get("image_id", ""))
    if image_id:
        jobs.post_image_retry(job_id, image_id, resources, response)
    else:
        jobs.post_retry(job_id, resources, response)
    return redirect(f"/jobs/{job_id}", done="retried")


@router.post("/{job_id}/cancel")
def post_cancel(job_id: str, resources: Resources, response: Response, _form: Form) -> Response:
    """Cancel a job."""
    jobs.post_cancel(job_id, resources, response)
    return redirect(f"/jobs/{job_id}", done="cancelled")
