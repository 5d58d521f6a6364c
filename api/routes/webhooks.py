"""`/webhooks`: endpoints that receive events of jobs and batches, and their deliveries."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.auth.permissions import AdminOnly
from api.dependencies import JsonBody, Resources
from api.openapi.problem_examples import JSON_BODY, URL, answers
from api.resources import ApiResources
from api.schemas.ids import parse_id, parse_optional_id
from api.schemas.paging import next_page
from api.schemas.product_requests import body_schema
from api.schemas.submissions import parsed
from api.schemas.webhooks import (
    CreatedWebhook,
    Delivery,
    DeliveryPage,
    DeliveryQuery,
    NewWebhook,
    Webhook,
    WebhookChange,
    WebhookPage,
)
from infra.contract.errors import ErrorCode
from tasks.webhooks.deliveries import DeliveryFilter, list_deliveries, replay
from tasks.webhooks.endpoints import (
    EndpointView,
    forget,
    list_endpoints,
    read_endpoint,
    register,
    switch,
)

# An endpoint learns of every job: who may name one is for an operator to say.
router = APIRouter(prefix="/webhooks", tags=["webhooks"], dependencies=[AdminOnly])
Limit = Annotated[int, Query(ge=1, le=200)]


@router.post(
    "",
    status_code=201,
    response_model=CreatedWebhook,
    responses=answers(*JSON_BODY, *URL),
    openapi_extra=body_schema(NewWebhook),
    summary="Register a webhook endpoint",
)
def post_webhook(members: JsonBody, resources: Resources, response: Response) -> CreatedWebhook:
    """Register an endpoint. Its secret is in this answer only: keep it."""
    wanted = parsed(NewWebhook, members)
    url = resources.url_rules.require(wanted.url, "url")
    created = register(resources.database, url, events=wanted.events, secret=wanted.secret)
    response.headers["Location"] = f"/webhooks/{created.endpoint.id}"
    return CreatedWebhook.new(created)


@router.get("", response_model=WebhookPage, summary="List webhooks, newest first")
def get_webhooks(
    request: Request, resources: Resources, before: str | None = None, limit: Limit = 50
) -> WebhookPage:
    """Return one page; `next` leads to the following one."""
    found = list_endpoints(
        resources.database, limit=limit, before=parse_optional_id(before, "page")
    )
    shown = [Webhook.of(endpoint) for endpoint in found]
    return WebhookPage(webhooks=shown, next=next_page(request, [e.id for e in found], limit=limit))


@router.get(
    "/deliveries", response_model=DeliveryPage, summary="List webhook messages about a job or batch"
)
def get_deliveries(
    request: Request,
    resources: Resources,
    about: str,
    before: str | None = None,
    limit: Limit = 50,
) -> DeliveryPage:
    """Return the messages about the job or batch with the id `about`, callback URLs included."""
    wanted = DeliveryFilter(
        limit=limit,
        subject_id=parse_id(about, "job or batch"),
        before=parse_optional_id(before, "page"),
    )
    return _page(request, resources, wanted)


@router.post(
    "/deliveries/{delivery_id}/replay",
    status_code=202,
    response_model=Delivery,
    responses=answers(ErrorCode.WEBHOOK_DISABLED, ErrorCode.DELIVERY_PENDING),
    summary="Send a message again",
)
def post_replay(delivery_id: str, resources: Resources) -> Delivery:
    """Send a delivered or abandoned message once more, with the same message id."""
    return Delivery.of(replay(resources.database, parse_id(delivery_id, "delivery")))


@router.get("/{webhook_id}", response_model=Webhook, summary="Show a webhook")
def get_webhook(webhook_id: str, resources: Resources) -> Webhook:
    """Return the endpoint and, if it is disabled, why."""
    return Webhook.of(_read(webhook_id, resources))


@router.patch(
    "/{webhook_id}",
    response_model=Webhook,
    responses=answers(*JSON_BODY),
    openapi_extra=body_schema(WebhookChange),
    summary="Enable or disable a webhook",
)
def patch_webhook(webhook_id: str, members: JsonBody, resources: Resources) -> Webhook:
    """Start or stop sending. Messages that were abandoned meanwhile can be replayed."""
    identity = parse_id(webhook_id, "webhook")
    change = parsed(WebhookChange, members)
    return Webhook.of(switch(resources.database, identity, enabled=change.enabled))


@router.delete("/{webhook_id}", status_code=204, summary="Delete a webhook")
def delete_webhook(webhook_id: str, resources: Resources) -> None:
    """Delete the endpoint with its messages, sent or not."""
    forget(resources.database, parse_id(webhook_id, "webhook"))


@router.get(
    "/{webhook_id}/deliveries",
    response_model=DeliveryPage,
    summary="List messages to a webhook, newest first",
)
def get_webhook_deliveries(
    webhook_id: str,
    request: Request,
    resources: Resources,
    page: Annotated[DeliveryQuery, Query()],
) -> DeliveryPage:
    """Return messages with all tries: time, status and error code of each."""
    wanted = DeliveryFilter(
        limit=page.limit,
        endpoint_id=_read(webhook_id, resources).id,
        state=page.state,
        before=parse_optional_id(page.before, "page"),
    )
    return _page(request, resources, wanted)


def _page(request: Request, resources: ApiResources, wanted: DeliveryFilter) -> DeliveryPage:
    found = list_deliveries(resources.database, wanted)
    shown = [Delivery.of(delivery) for delivery in found]
    following = next_page(request, [delivery.id for delivery in found], limit=wanted.limit)
    return DeliveryPage(deliveries=shown, next=following)


def _read(webhook_id: str, resources: ApiResources) -> EndpointView:
    return read_endpoint(resources.database, parse_id(webhook_id, "webhook"))
