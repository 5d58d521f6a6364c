"""Catalogues as callers send them, and batches whose jobs the test works on itself."""

from typing import Any
from uuid import UUID, uuid4

import requests

from infra.db.engine import Database
from tasks.imports.plan import plan_some
from tests.contract.api.support.running import Api

CSV = "text/csv"
NDJSON = "application/x-ndjson"


def send(
    api: Api,
    body: str | bytes,
    content_type: str | None = CSV,
    *,
    key: str | None = None,
    **query: Any,
) -> requests.Response:
    """Post a file as the body."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    headers |= {} if key is None else {"Idempotency-Key": key}
    data = body.encode() if isinstance(body, str) else body
    return api.call("POST", "/imports", data=data, headers=headers, params=query)


def skus(count: int) -> list[str]:
    """Return skus that no other test has."""
    own = uuid4().hex
    return [f"{own}-{number}" for number in range(count)]


def catalogue(names: list[str], images: int = 1) -> str:
    """Return a CSV file of these skus."""
    lines = ["sku,image_urls"]
    for sku in names:
        urls = " ".join(f"https://supplier.example/{sku}/{n}.jpg" for n in range(images))
        lines.append(f"{sku},{urls}")
    return "\n".join(lines)


def imported(api: Api, rows: Database, body: str, **query: Any) -> str:
    """Import a file and plan all of it; return the batch's id."""
    response = send(api, body, **query)
    assert response.status_code == 202, response.text
    batch_id: str = response.json()["batch_id"]
    while plan_some(rows, UUID(batch_id), limit=500):
        pass
    return batch_id


def jobs_of(api: Api, names: list[str]) -> list[Any]:
    """Return the newest job of each product."""
    return [api.get("/jobs", sku=sku)["jobs"][0] for sku in names]
