"""`/products`: create, show, change, delete, and set the images of a product."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Response

from api.auth.permissions import SeesQueries, hide_queries
from api.dependencies import JsonBody, RequestBody, Resources
from api.openapi.problem_examples import JSON_BODY, URL, Answers, answers
from api.resources import ApiResources
from api.schemas.ids import not_found, parse_id
from api.schemas.product_requests import (
    ImageChange,
    ImageOrder,
    NewProduct,
    NewSource,
    PictureList,
    ProductChange,
    body_schema,
    fields_of,
    pictures_of,
    source_of,
)
from api.schemas.product_responses import Product, ProductWithJob
from api.schemas.submissions import parsed
from infra.contract.errors import ErrorCode, Rejected
from tasks.products.change import change
from tasks.products.create import create
from tasks.products.delete import delete
from tasks.products.edit_images import (
    ImageFields,
    change_image,
    delete_image,
    order_images,
    replace_image,
)
from tasks.products.read import read_product
from tasks.products.read_original import find_original
from tasks.products.set_images import ImagesSet, set_images
from tasks.submission.uploads import store_upload

router = APIRouter(prefix="/products", tags=["products"])

_WRITTEN = answers(*JSON_BODY, ErrorCode.SKU_TAKEN, ErrorCode.QUEUE_FULL)
_NOT_MODIFIED: Answers = {
    200: {"model": Product},
    304: {"description": "Not changed since the version that you have"},
}

_SOURCE = {
    "requestBody": {
        "required": True,
        "content": {
            **body_schema(NewSource)["requestBody"]["content"],
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}
_ORIGINAL: Answers = {
    200: {
        "description": "The original",
        "content": {"image/*": {"schema": {"type": "string"}, "example": "…"}},
    }
}
_REPLACED = answers(
    *(*JSON_BODY, *URL, ErrorCode.UNKNOWN_PRESET, ErrorCode.UNSUPPORTED_FORMAT),
    *(ErrorCode.STORE_UNAVAILABLE, ErrorCode.QUEUE_FULL),
)


@router.get("/{product_id}", responses=_NOT_MODIFIED, summary="Show a product")
def get_product(
    product_id: str,
    resources: Resources,
    sees_queries: SeesQueries,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return the product with its current images; `X-Cache` tells hits from misses."""
    answer = _show(parse_id(product_id, "product"), resources, if_none_match=if_none_match)
    if sees_queries or not answer.body:
        return answer
    headers = {name: answer.headers[name] for name in ("ETag", "X-Cache", "Cache-Control")}
    body = hide_queries(bytes(answer.body))
    return Response(body, headers=headers, media_type="application/json")


@router.post(
    "",
    status_code=201,
    response_model=ProductWithJob,
    responses={**_WRITTEN, **answers(*URL)},
    openapi_extra=body_schema(NewProduct),
    summary="Create a product",
)
def post_product(members: JsonBody, resources: Resources, response: Response) -> ProductWithJob:
    """Create the product, and one job for its images."""
    request = parsed(NewProduct, members)
    configuration = resources.configuration
    pictures, making = pictures_of(
        request, configuration.api, rules=resources.url_rules, presets=configuration.presets
    )
    making = replace(making, bound=resources.queue_bound)
    made = create(resources.database, fields_of(request), pictures, submission=making)
    response.headers["Location"] = f"/products/{made.product_id}"
    return _with_job(made, resources)


@router.patch(
    "/{product_id}",
    responses={200: {"model": Product}, **_WRITTEN},
    openapi_extra=body_schema(ProductChange),
    summary="Change fields of a product",
)
def patch_product(product_id: str, members: JsonBody, resources: Resources) -> Response:
    """Change the fields that are sent; `null` clears a field."""
    identity = parse_id(product_id, "product")
    change(resources.database, identity, fields_of(parsed(ProductChange, members)))
    return _show(identity, resources)


@router.delete("/{product_id}", status_code=204, summary="Delete a product")
def delete_product(product_id: str, resources: Resources) -> None:
    """Delete the product, its images and jobs, and the files that no other product uses."""
    delete(resources.database, parse_id(product_id, "product"))


@router.put(
    "/{product_id}/images",
    response_model=ProductWithJob,
    responses={
        202: {"model": ProductWithJob, "description": "A job makes the new images"},
        **answers(*JSON_BODY, *URL, ErrorCode.QUEUE_FULL),
    },
    openapi_extra=body_schema(PictureList),
    summary="Set the images of a product",
)
def put_images(
    product_id: str, members: JsonBody, resources: Resources, response: Response
) -> ProductWithJob:
    """Add new images, keep known ones, remove those not listed, and set the order."""
    identity = parse_id(product_id, "product")
    request = parsed(PictureList, members)
    configuration = resources.configuration
    pictures, making = pictures_of(
        request, configuration.api, rules=resources.url_rules, presets=configuration.presets
    )
    making = replace(making, bound=resources.queue_bound)
    made = set_images(resources.database, identity, pictures=pictures, submission=making)
    if made.job_id is not None:
        response.status_code = 202
    return _with_job(made, resources)


@router.put(
    "/{product_id}/images/order",
    responses={200: {"model": Product}, **answers(*JSON_BODY)},
    openapi_extra=body_schema(ImageOrder),
    summary="Set the order of a product's images",
)
def put_order(product_id: str, members: JsonBody, resources: Resources) -> Response:
    """Show the images in this order; each must be named once, else nothing changes."""
    identity = parse_id(product_id, "product")
    order_images(resources.database, identity, parsed(ImageOrder, members).image_ids)
    return _show(identity, resources)


@router.patch(
    "/{product_id}/images/{image_id}",
    response_model=ProductWithJob,
    responses={
        202: {"model": ProductWithJob, "description": "A job crops the image anew"},
        **answers(*JSON_BODY),
    },
    openapi_extra=body_schema(ImageChange),
    summary="Change an image of a product",
)
def patch_image(
    product_id: str, image_id: str, members: JsonBody, resources: Resources, response: Response
) -> ProductWithJob:
    """Change the alternative text or the focal point; `null` clears what is sent.

    Where the image's preset crops, a job makes its variants anew; the old ones are shown meanwhile.
    """
    identity, image = parse_id(product_id, "product"), parse_id(image_id, "image")
    change = parsed(ImageChange, members)
    fields = ImageFields(
        frozenset(change.model_fields_set),
        alt=change.alt,
        focus=None if change.focus is None else change.focus.point,
    )
    presets = resources.configuration.presets
    made = change_image(resources.database, identity, image, fields=fields, presets=presets)
    if made.job_id is not None:
        response.status_code = 202
    return _with_job(made, resources)


@router.put(
    "/{product_id}/images/{image_id}/source",
    status_code=202,
    response_model=ProductWithJob,
    responses=_REPLACED,
    openapi_extra=_SOURCE,
    summary="Replace an image of a product",
)
def put_source(
    product_id: str, image_id: str, body: RequestBody, resources: Resources
) -> ProductWithJob:
    """Have the image made from another URL or file, at its place and with its alternative text.

    Its variants are shown until the new ones are made, also when that fails.
    """
    identity, image = parse_id(product_id, "product"), parse_id(image_id, "image")
    making = source_of(
        body.fields,
        len(body.files),
        rules=resources.url_rules,
        presets=resources.configuration.presets,
    )
    heic = resources.configuration.decoders.heic_enabled
    uploads = tuple(
        store_upload(resources.store, path, index=index, heic=heic)
        for index, path in enumerate(body.files)
    )
    making = replace(making, uploads=uploads, bound=resources.queue_bound)
    made = replace_image(resources.database, identity, image, submission=making)
    return _with_job(made, resources)


@router.get(
    "/{product_id}/images/{image_id}/original",
    response_class=Response,
    responses=_ORIGINAL,
    summary="Download the original of an image",
)
def get_original(product_id: str, image_id: str, resources: Resources) -> Response:
    """Return the file that the supplier sent, byte by byte: of any size, with its metadata."""
    original = find_original(
        resources.database, parse_id(product_id, "product"), parse_id(image_id, "image")
    )
    with TemporaryDirectory(prefix="product-images-original-") as directory:
        file = Path(directory) / original.sha256
        if resources.store.get(original.object_key, file) is None:
            raise Rejected(404, ErrorCode.NOT_FOUND, "The original is no longer stored.")
        content = file.read_bytes()
    headers = {"Cache-Control": "private, max-age=3600", "ETag": f'"{original.sha256}"'}
    return Response(content, headers=headers, media_type=original.media_type)


@router.delete(
    "/{product_id}/images/{image_id}", status_code=204, summary="Delete an image of a product"
)
def delete_one_image(product_id: str, image_id: str, resources: Resources) -> None:
    """Delete the image, what jobs did for it, and the files that nothing else uses."""
    delete_image(resources.database, parse_id(product_id, "product"), parse_id(image_id, "image"))


def _with_job(made: ImagesSet, resources: ApiResources) -> ProductWithJob:
    if made.job_id is not None:
        resources.dispatcher.wake()
    product = read_product(resources.database, made.product_id)
    if product is None:
        raise not_found(made.product_id, "product")
    shown = Product.of(product, resources.configuration.assets.public_asset_url)
    return ProductWithJob(**dict(shown), job_id=made.job_id)


def _show(
    product_id: UUID, resources: ApiResources, *, if_none_match: str | None = None
) -> Response:
    stated = (if_none_match or "").split(",")
    known = {entry.strip().removeprefix("W/") for entry in stated}

    def is_known(version: int) -> bool:
        return "*" in known or _tag(version, resources) in known

    reading = resources.products.read(product_id, is_known=is_known)
    if reading is None:
        raise not_found(product_id, "product")
    headers = {
        "ETag": _tag(reading.version, resources),
        "X-Cache": "HIT" if reading.hit else "MISS",
        "Cache-Control": "no-cache",  # keep it, but ask each time whether it still holds
    }
    if reading.body is None:
        return Response(status_code=304, headers=headers)
    return Response(reading.body, headers=headers, media_type="application/json")


def _tag(version: int, resources: ApiResources) -> str:
    return f'"{version:x}-{resources.product_shape}"'
