"""Use case: create a product, with the job for its images in the same transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.contract.errors import ErrorCode, Rejected
from infra.contract.source_refs import uploaded_sha256
from infra.db.engine import Database
from infra.db.ids import new_id
from infra.db.models.catalogue import Product
from infra.db.retry import again_after_conflict
from tasks.products.fields import Picture, assign, sku_checked
from tasks.products.set_images import ImagesSet, new_job
from tasks.submission.submit import Submission


@again_after_conflict
def create(
    database: Database,
    fields: Mapping[str, Any],
    pictures: Sequence[Picture],
    *,
    submission: Submission,
) -> ImagesSet:
    """Write the product; `submission` says how its images are made, all else is ignored of it.

    Raises `Rejected`: 409 when another product has the sku, 422 for half a price.
    """
    if any(uploaded_sha256(picture.source) for picture in pictures):
        raise Rejected(
            422, ErrorCode.INVALID_URL, "A new product has no uploaded files yet; send URLs."
        )
    with database.transaction() as session:
        product = Product(id=new_id())
        assign(product, fields)
        session.add(product)
        with sku_checked(product.sku):
            session.flush()
        job_id = new_job(session, product.id, pictures, submission=submission)
        return ImagesSet(product.id, job_id)
