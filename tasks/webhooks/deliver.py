"""Use case: send one claimed message to its receiver and record the result."""

import structlog

from infra.contract.errors import ServiceUnavailable, Stopped
from infra.contract.events import DeliveryState, message_id
from infra.db.engine import Database
from infra.settings.sections import WebhookSettings
from infra.webhooks.sender import Message, Reply, Send, failed_here
from tasks.webhooks.settle import give_back, settle
from tasks.webhooks.take import Taken

log = structlog.get_logger(__name__)


def deliver(
    database: Database, taken: Taken, *, send: Send, settings: WebhookSettings
) -> DeliveryState | None:
    """Send the message once, outside any transaction; return where it is then.

    None when that could not be written or is not ours to say: it will be sent again unless
    another process has settled it.
    """
    try:
        reply = _sent(taken, send=send, settings=settings)
        state = settle(database, taken, reply, settings=settings)
    except Stopped:
        give_back(database, taken)
        return None
    except ServiceUnavailable as exc:
        log.warning("delivery not written", delivery_id=str(taken.id), code=exc.code)
        return None
    log.info(
        "webhook sent",
        delivery_id=str(taken.id),
        attempt=taken.attempt,
        state=state,
        code=reply.error_code,
    )
    return state


def _sent(taken: Taken, *, send: Send, settings: WebhookSettings) -> Reply:
    secret = settings.secret if taken.endpoint_id is None else taken.secret
    message = Message(id=message_id(taken.id), url=taken.url, payload=taken.payload, secret=secret)
    try:
        return send(message)
    except Stopped:
        raise
    except Exception:  # a mistake of ours must not be repeated without a pause
        log.exception("webhook not sent", delivery_id=str(taken.id))
        return failed_here()
