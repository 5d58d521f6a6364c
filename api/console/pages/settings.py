"""API keys, and webhook endpoints with their last deliveries."""

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request, Response

from api.auth.permissions import AdminOnly
from api.auth.session import CONSOLE_PATH
from api.console.page import page, redirect
from api.console.viewer import Form
from api.dependencies import Resources
from api.routes import keys, webhooks
from api.schemas.webhooks import DeliveryQuery
from infra.contract.events import Event
from infra.contract.scopes import Scope

router = APIRouter(
    prefix=f"{CONSOLE_PATH}/settings", include_in_schema=False, dependencies=[AdminOnly]
)

_ENDPOINTS = 100
_DELIVERIES = 30


@router.get("")
def get_settings(request: Request, resources: Resources) -> Response:
    """Show keys and endpoints."""
    return page(
        request,
        "settings.html.j2",
        keys=keys.get_keys(resources).keys,
        webhooks=webhooks.get_webhooks(request, resources, None, _ENDPOINTS).webhooks,
        scopes=list(Scope),
        events=list(Event),
    )


@router.post("/keys")
def post_key(request: Request, resources: Resources, response: Response, form: Form) -> Response:
    """Make a key and show it, this once."""
    wanted = {"name": str(form.get("name", "")), "scope": str(form.get("scope", ""))}
    if days := str(form.get("days", "")):
        wanted["expires_at"] = _in_days(days)
    made = keys.post_key(wanted, request, resources, response)
    return page(request, "secret.html.j2", what=f"The key of {made.name}", secret=made.key)


@router.post("/keys/{key_id}/revoke")
def post_revoke(key_id: str, request: Request, resources: Resources, _form: Form) -> Response:
    """End a key."""
    keys.post_revoke(key_id, request, resources)
    return redirect("/settings", done="key-revoked")


@router.post("/webhooks")
def post_webhook(
    request: Request, resources: Resources, response: Response, form: Form
) -> Response:
    """Register an endpoint and show its secret, this once."""
    wanted = {"url": str(form.get("url", "")), "events": [str(e) for e in form.getlist("event")]}
    made = webhooks.post_webhook(wanted, resources, response)
    return page(request, "secret.html.j2", what=f"The secret of {made.url}", secret=made.secret)


@router.get("/webhooks/{webhook_id}")
def get_webhook(
    webhook_id: str, request: Request, resources: Resources, before: str | None = None
) -> Response:
    """Show an endpoint and its deliveries, newest first."""
    wanted = DeliveryQuery(before=before, limit=_DELIVERIES)
    listed = webhooks.get_webhook_deliveries(webhook_id, request, resources, wanted)
    return page(
        request,
        "webhook.html.j2",
        webhook=webhooks.get_webhook(webhook_id, resources),
        deliveries=listed.deliveries,
        next=listed.next,
    )


@router.post("/webhooks/{webhook_id}/switch")
def post_switch(webhook_id: str, resources: Resources, form: Form) -> Response:
    """Send to an endpoint again, or no longer."""
    enabled = form.get("enabled") == "true"
    webhooks.patch_webhook(webhook_id, {"enabled": enabled}, resources)
    return redirect(f"/settings/webhooks/{webhook_id}", done="webhook-changed")


@router.post("/webhooks/{webhook_id}/delete")
def post_webhook_delete(webhook_id: str, resources: Resources, _form: Form) -> Response:
    """Delete an endpoint."""
    webhooks.delete_webhook(webhook_id, resources)
    return redirect("/settings", done="webhook-deleted")


@router.post("/webhooks/{webhook_id}/deliveries/{delivery_id}/replay")
def post_replay(webhook_id: str, delivery_id: str, resources: Resources, _form: Form) -> Response:
    """Send a message again."""
    webhooks.post_replay(delivery_id, resources)
    return redirect(f"/settings/webhooks/{webhook_id}", done="replayed")


def _in_days(days: str) -> str:
    """Return the moment so many days from now; the schema refuses what is no number."""
    if not days.isdigit():
        return days
    return (datetime.now(UTC) + timedelta(days=min(int(days), 36_500))).isoformat()
