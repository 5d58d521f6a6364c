"""Suppliers' hosts: how they answer, which are left alone for now, and asking them again."""

from fastapi import APIRouter, Request, Response

from api.auth.permissions import AdminOnly
from api.auth.session import CONSOLE_PATH
from api.console.page import page, redirect
from api.console.viewer import Form
from api.dependencies import Resources
from api.routes import hosts

router = APIRouter(
    prefix=f"{CONSOLE_PATH}/suppliers", include_in_schema=False, dependencies=[AdminOnly]
)

_MOST = 200


@router.get("")
def get_suppliers(request: Request, resources: Resources) -> Response:
    """List the hosts that were asked last."""
    return page(request, "suppliers.html.j2", hosts=hosts.get_hosts(resources, _MOST).hosts)


@router.post("/reset")
def post_reset(resources: Resources, form: Form) -> Response:
    """End a host's pause."""
    hosts.post_reset(str(form.get("host", "")), resources)
    return redirect("/suppliers", done="host-reset")
