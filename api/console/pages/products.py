"""The gallery of products, and one of them: its images, their order and texts, and its jobs."""

from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi import APIRouter, Request, Response

from api.auth.permissions import SeesQueries
from api.auth.session import CONSOLE_PATH
from api.bodies.submission import Body
from api.console.page import page, redirect
from api.console.uploads import kept_file
from api.console.viewer import Form
from api.dependencies import Resources
from api.routes import jobs, product_list, products
from api.schemas.product_responses import Product
from api.schemas.submissions import parsed
from infra.contract.errors import ErrorCode, Rejected
from infra.contract.states import JobState, ProductState

router = APIRouter(prefix=f"{CONSOLE_PATH}/products", include_in_schema=False)

_PAGE_SIZE = 60
_JOBS = 20
_FILTERS = ("sku_prefix", "name", "state", "preset", "host", "error_code", "stale")
_RETRYABLE = (JobState.FAILED, JobState.PARTIAL, JobState.CANCELLED)


@router.get("")
def get_products(request: Request, resources: Resources) -> Response:
    """Show a page of products; an input that was left empty is no condition."""
    filled = {name: value for name, value in request.query_params.items() if value}
    wanted = parsed(product_list.ProductQuery, {**filled, "limit": _PAGE_SIZE})
    listed = product_list.get_products(request, resources, wanted)
    filters = {name: filled.get(name, "") for name in _FILTERS}
    return page(
        request,
        "products.html.j2",
        products=listed.products,
        previous=listed.previous,
        next=listed.next,
        filters=filters,
        is_filtered=any(filters.values()),
        states=list(ProductState),
        presets=list(resources.configuration.presets),
    )


@router.get("/{product_id}")
def get_product(
    product_id: str, request: Request, resources: Resources, sees_queries: SeesQueries
) -> Response:
    """Show a product: its images, and the jobs that made them."""
    answer = products.get_product(product_id, resources, sees_queries)
    listed = jobs.get_jobs(request, resources, product_id=product_id, limit=_JOBS)
    shown = [jobs.get_job(str(job.id), resources, sees_queries) for job in listed.jobs]
    return page(
        request,
        "product.html.j2",
        product=Product.model_validate_json(bytes(answer.body)),
        jobs=shown,
        has_more_jobs=listed.next is not None,
        retryable=shown[0] if shown and shown[0].state in _RETRYABLE else None,
        prefect=resources.configuration.prefect.pages,
    )


@router.get("/{product_id}/images/{image_id}/original")
def get_original(product_id: str, image_id: str, resources: Resources) -> Response:
    """Return the source of an image, to look at beside a variant."""
    return products.get_original(product_id, image_id, resources)


@router.post("/{product_id}/delete")
def post_delete(product_id: str, resources: Resources, _form: Form) -> Response:
    """Delete a product with its images and jobs."""
    products.delete_product(product_id, resources)
    return redirect("/products", done="product-deleted")


@router.post("/{product_id}/order")
def post_order(product_id: str, resources: Resources, form: Form) -> Response:
    """Set the order of the images; `earlier` or `later` names one that moves by one place."""
    order = [str(each) for each in form.getlist("image_id")]
    for name, step in (("earlier", -1), ("later", 1)):
        if (moved := str(form.get(name, ""))) in order:
            place = order.index(moved)
            order.insert(max(0, place + step), order.pop(place))
    products.put_order(product_id, {"image_ids": order}, resources)
    return redirect(f"/products/{product_id}", done="ordered")


@router.post("/{product_id}/images/{image_id}/alt")
def post_alt(product_id: str, image_id: str, resources: Resources, form: Form) -> Response:
    """Set the alternative text of an image; an empty one clears it."""
    text = str(form.get("alt", "")).strip() or None
    products.patch_image(product_id, image_id, {"alt": text}, resources, Response())
    return redirect(f"/products/{product_id}", done="described")


@router.post("/{product_id}/images/{image_id}/focus")
def post_focus(product_id: str, image_id: str, resources: Resources, form: Form) -> Response:
    """Set the focal point of an image, in hundredths of its sides; the preset's when empty."""
    sent = [str(form.get(name, "")).strip() for name in ("x", "y")]
    try:
        point = {name: float(text) / 100 for name, text in zip("xy", sent, strict=True) if text}
    except ValueError as exc:
        detail = "The focal point needs two numbers from 0 to 100."
        raise Rejected(422, ErrorCode.INVALID_REQUEST, detail) from exc
    products.patch_image(product_id, image_id, {"focus": point or None}, resources, Response())
    return redirect(f"/products/{product_id}", done="focused")


@router.post("/{product_id}/images/{image_id}/source")
def post_source(product_id: str, image_id: str, resources: Resources, form: Form) -> Response:
    """Have an image made from another URL or file."""
    with TemporaryDirectory(prefix="product-images-upload-") as directory:
        file, url = kept_file(form, Path(directory)), str(form.get("image_url", "")).strip()
        body = Body({"image_url": url} if url else {}, () if file is None else (file,))
        products.put_source(product_id, image_id, body, resources)
    return redirect(f"/products/{product_id}", done="replaced")


@router.post("/{product_id}/images/{image_id}/delete")
def post_image_delete(
    product_id: str, image_id: str, resources: Resources, _form: Form
) -> Response:
    """Delete an image of a product."""
    products.delete_one_image(product_id, image_id, resources)
    return redirect(f"/products/{product_id}", done="image-deleted")
