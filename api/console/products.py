"""A product with its images and jobs."""

from fastapi import APIRouter, Request, Response

from api.auth.permissions import SeesQueries
from api.auth.session import CONSOLE_PATH
from api.console.page import page, redirect
from api.console.viewer import Form
from api.dependencies import Resources
from api.routes import jobs, products
from api.schemas.product_responses import Product
from infra.contract.states import JobState

router = APIRouter(prefix=f"{CONSOLE_PATH}/products", include_in_schema=False)

_JOBS = 20


@router.get("/{product_id}")
def get_product(
    product_id: str, request: Request, resources: Resources, sees_queries: SeesQueries
) -> Response:
    """Show a product: its images, and the jobs that made them."""
    answer = products.get_product(product_id, resources, sees_queries)
    product = Product.model_validate_json(bytes(answer.body))
    listed = jobs.get_jobs(request, resources, product_id=product_id, limit=_JOBS)
    shown = [jobs.get_job(str(job.id), resources, sees_queries) for job in listed.jobs]
    return page(
        request,
        "product.html.j2",
        product=product,
        jobs=shown,
        retryable=next((job for job in shown if _may_be_retried(job.state)), None),
        prefect=resources.configuration.prefect.pages,
    )


@router.post("/{product_id}/delete")
def post_delete(product_id: str, resources: Resources, _form: Form) -> Response:
    """Delete a product with its images and jobs."""
    products.delete_product(product_id, resources)
    return redirect("/batches", done="product-deleted")


def _may_be_retried(state: JobState) -> bool:
    return state in (JobState.FAILED, JobState.PARTIAL, JobState.CANCELLED)
