"""`/keys`: list, create and revoke API keys.

A key gives no more than it has: only an `admin` key makes keys, and none lives longer than the key
that made it. The first key is made on the command line alone: whoever reaches an open API must not
be able to shut the others out of it.
"""

from fastapi import APIRouter, Request, Response

from api.auth.guard import caller_key
from api.auth.permissions import AdminOnly
from api.dependencies import JsonBody, Resources
from api.openapi.problem_examples import JSON_BODY, answers
from api.schemas.keys import CreatedKey, Key, KeyList, NewKey
from api.schemas.product_requests import body_schema
from api.schemas.submissions import parsed
from infra.contract.errors import ErrorCode, Rejected
from tasks.keys.change import issue_key, list_keys, revoke_key

router = APIRouter(prefix="/keys", tags=["keys"], dependencies=[AdminOnly])


@router.get("", response_model=KeyList, summary="List API keys, the oldest first")
def get_keys(resources: Resources) -> KeyList:
    """Return all keys with their use, also revoked and expired ones. No secret is stored."""
    return KeyList(keys=[Key.of(view) for view in list_keys(resources.database)])


@router.post(
    "",
    status_code=201,
    response_model=CreatedKey,
    responses=answers(*JSON_BODY, ErrorCode.FORBIDDEN),
    openapi_extra=body_schema(NewKey),
    summary="Create an API key",
)
def post_key(
    members: JsonBody, request: Request, resources: Resources, response: Response
) -> CreatedKey:
    """Create a key. Its text is in this answer only: keep it."""
    wanted = parsed(NewKey, members)
    issued = issue_key(
        resources.database,
        _own_key(request),
        name=wanted.name,
        scope=wanted.scope,
        expires_at=wanted.expires_at,
    )
    response.headers["Cache-Control"] = "no-store"
    return CreatedKey.new(issued)


@router.post("/{key_id}/revoke", response_model=Key, summary="Revoke an API key")
def post_revoke(key_id: str, request: Request, resources: Resources) -> Key:
    """End a key for good; within 5 seconds no process accepts it. The list keeps it."""
    return Key.of(revoke_key(resources.database, key_id, by=_own_key(request)))


def _own_key(request: Request) -> str:
    """Return the caller's key; an API that is open to callers without one has none to give."""
    key_id = caller_key(request)
    if not key_id:
        raise Rejected(
            403,
            ErrorCode.FORBIDDEN,
            "This needs a key with the scope admin. Make the first one on the API's machine: "
            "product-images keys create --name NAME --scope admin.",
        )
    return key_id
