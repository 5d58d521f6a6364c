"""Adds to the OpenAPI document an example for every JSON answer, built from its schema.

A value is, in this order: the field's own example, the one that is kept here for the field's name,
or what its format or its choices say. Where none is known the answer has no example, and a test
says which field lacks one.
"""

from collections.abc import Mapping
from typing import Any

from api.openapi.document import Document, operations

_MEDIA_TYPE = "application/json"
_ID = "019abd3e-6f00-7c2a-9b51-0d6f1f6b2c11"
_MOMENT = "2026-11-24T09:30:00Z"
_ASSET = "https://images.example.com/variants/3f8a…/web-1/w800-webp.webp"
_FORMATS = {"uuid": _ID, "date-time": _MOMENT}
_KNOWN: Mapping[str, Any] = {
    # Of one schema
    "Accepted.state": "queued",
    "AcceptedImport.rows": 1250,
    "AcceptedImport.status_url": f"/batches/{_ID}",
    "Batch.name": "autumn.csv",
    "Batch.options": {"policy": "reject_rows"},
    "Batch.progress": 0.42,
    "Batch.total": 1240,
    "BatchPage.next": None,
    "CheckedImport.rows": 1250,
    "CheckedImport.products": 980,
    "AcceptedImport.products": 980,
    "MappingPage.next": None,
    "SavedMapping.base_url": None,
    "SavedMapping.map": ["Art.-Nr.:sku,Bild 1:image_urls,Bild 2:image_urls"],
    "SavedMapping.name": "acme",
    "SavedMapping.profile": None,
    "ReadColumn.column": "Image Src",
    "ReadColumn.field": "image_urls",
    "ReadFile.delimiter": ",",
    "ReadFile.encoding": "utf-8",
    "ReadFile.format": "csv",
    "ReadFile.ignored_columns": ["Vendor"],
    "ReadFile.pattern": None,
    "ReadFile.profile": "shopify",
    "ReadFile.sheet": None,
    "ReadFile.warnings": [],
    "PreviewImage.file": None,
    "SavedMapping.pattern": None,
    "PreviewImage.url": "https://example.com/front.jpg",
    "PreviewProduct.fields": {"name": "Running shoe", "price": "79.90", "currency": "EUR"},
    "PreviewProduct.line": 2,
    "Links.report": f"/batches/{_ID}/report.csv",
    "Links.self": f"/batches/{_ID}",
    "ReprocessStarted.status_url": f"/batches/{_ID}",
    "ReprocessStarted.images": 1240,
    "ReprocessStarted.products": 980,
    "ReprocessStarted.variants": 9920,
    "ReprocessEstimate.images": 1240,
    "ReprocessEstimate.products": 980,
    "ReprocessEstimate.variants": 9920,
    "RowError.code": "invalid_price",
    "RowError.detail": "'12,50' is not a price. Write it like 12.50.",
    "Rows.total": 1250,
    "AcceptedImage.state": "queued",
    "Attempt.number": 1,
    "Attempt.error_code": None,
    "CreatedWebhook.url": "https://shop.example/hooks",
    "Delivery.state": "delivered",
    "Delivery.url": "https://shop.example/hooks",
    "Dependency.detail": None,
    "Focus.x": 0.5,
    "Focus.y": 0.2,
    "FailureGroup.detail": "The host asked to come back later.",
    "FailureGroup.host": "images.supplier.example",
    "FailureGroup.images": 412,
    "FailureGroup.products": 198,
    "FailureGroup.retryable": True,
    "Failures.images": 419,
    "Failure.detail": "The server answered with status 404.",
    "Job.attempts": 1,
    "JobHead.attempts": 1,
    "JobPage.next": f"/jobs?limit=50&before={_ID}",
    "Key.id": "x3k9d02mfa7q",
    "Key.last_used_at": _MOMENT,
    "Key.name": "shop",
    "Key.revoked_at": None,
    "Key.scope": "write",
    "Key.state": "active",
    "CreatedKey.id": "x3k9d02mfa7q",
    "CreatedKey.last_used_at": None,
    "CreatedKey.name": "shop",
    "CreatedKey.revoked_at": None,
    "CreatedKey.scope": "write",
    "CreatedKey.state": "active",
    "Readiness.status": "ready",
    "Thumbnail.url": _ASSET,
    "ImageCounts.failed": 1,
    "ImageCounts.processing": 0,
    "ImageCounts.queued": 0,
    "ImageCounts.ready": 4,
    "ImageCounts.total": 5,
    "Variant.name": "w800-webp",
    "Variant.url": _ASSET,
    "Format.chosen_by": "score",
    "Format.value": 75.0,
    "ShownPreset.background": "#ffffff",
    "ShownPreset.fit": "inside",
    "ShownPreset.focus": [0.5, 0.5],
    "ShownPreset.name": "web",
    "ShownPreset.revision": 1,
    "Size.height": None,
    "TriedPreset.seconds": 1.2,
    "TriedVariant.name": "w800-webp",
    "Today.day": "2026-11-24",
    "WaitingJob.lane": "bulk",
    "Webhook.url": "https://shop.example/hooks",
    # Of every schema
    "acceptable": True,
    "accepted": 1240,
    "active": 2,
    "alt": "From the front",
    "animated": False,
    "bytes": 48_210,
    "cancel_requested": False,
    "cancelled": 0,
    "code": "http_404",
    "column": "price",
    "created_by": "5h1t0c8wzq2e",
    "currency": "EUR",
    "data": "UklGRiQAAABXRUJQ",
    "dependencies": {"database": {"ok": True, "latency_ms": 1.4, "detail": None}},
    "description": "Light, for long distances",
    "disabled_at": None,
    "disabled_reason": None,
    "dominant_colour": "#7a5c3e",
    "done": 1,
    "due_at": None,
    "duration_ms": 84,
    "enabled": True,
    "error": None,
    "estimated_cpu_seconds": 734.5,
    "failed": 3,
    "failing_since": None,
    "format": "webp",
    "frames": 1,
    "height": 600,
    "key": "pi_x3k9d02mfa7q_…",
    "last_error": "http_429",
    "latency_ms": 1.4,
    "line": 17,
    "media_type": "image/webp",
    "mean_seconds": 0.31,
    "message_id": f"msg_{_ID}",
    "metadata": {"order": "4711"},
    "name": "Running shoe",
    "next": None,
    "ok": True,
    "open_until": None,
    "outcome": "created",
    "outcomes": {"ok": 812, "http_429": 3},
    "owner_id": "shop-7",
    "payload": {"type": "job.finished", "timestamp": _MOMENT, "data": {"job_id": _ID}},
    "partial": 5,
    "phash": "d1c48f0e3a7b9625",
    "picture": f'<picture><img src="{_ASSET}" width="800" height="600" alt=""></picture>',
    "planned": True,
    "placeholder": "data:image/png;base64,iVBORw0KGgo=",
    "position": 0,
    "preset": "web",
    "previous": None,
    "price": "79.90",
    "quality": 74,
    "queued": 700,
    "ready": 524,
    "images_per_minute": 61.3,
    "rejected": 10,
    "revoked_by": None,
    "requests": 815,
    "retryable": False,
    "round": 0,
    "running": 8,
    "saved_bytes": 81_044_112,
    "score": 0.94,
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "silent_until": None,
    "sku": "SHOE-42",
    "source_bytes": 1_830_114,
    "source_url": "https://example.com/front.jpg",
    "state": "ready",
    "status": 200,
    "status_url": f"/jobs/{_ID}",
    "trims": False,
    "waiting": 718,
    "thumbhash": "1QcSHQRnh493V4dIh4eXh1h4kJUI",
    "total": 1,
    "width": 800,
    "without_original": 4,
}


class NoExample(LookupError):
    """Nothing is known for a field; the message names it."""


def add_examples(document: Document) -> None:
    """Make every JSON answer show an example."""
    schemas = document["components"]["schemas"]
    for _, operation in operations(document):
        for answer in operation["responses"].values():
            content = answer.get("content", {}).get(_MEDIA_TYPE)
            if content is None or "example" in content or "examples" in content:
                continue
            try:
                content["example"] = example_of(content["schema"], schemas)
            except NoExample:
                continue  # a document with a gap is better than none


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any], where: str = "") -> Any:
    """Return a value of the schema; raise `NoExample` naming the field that has none.

    `where` is `Schema.field`; `schemas` are those that references name.
    """
    if "examples" in schema:
        return schema["examples"][0]
    for known in (where, where.rpartition(".")[2]):
        if known in _KNOWN:
            return _KNOWN[known]
    if "$ref" in schema:
        return _of_reference(schema["$ref"], schemas)
    if "anyOf" in schema:  # null comes last
        return example_of(schema["anyOf"][0], schemas, where)
    if schema.get("type") == "array":
        return [example_of(schema["items"], schemas, where)]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    raise NoExample(
        f"{where or schema} has no example: give the field one, or name it in {__name__}."
    )


def _of_reference(reference: str, schemas: Mapping[str, Any]) -> Any:
    name = reference.rpartition("/")[2]
    schema = schemas[name]
    if "properties" not in schema or "examples" in schema:
        return example_of(schema, schemas)
    return {
        field: example_of(of_field, schemas, f"{name}.{field}")
        for field, of_field in schema["properties"].items()
    }
