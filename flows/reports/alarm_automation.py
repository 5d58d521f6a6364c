"""The automation that sends the failure alarm, as code.

Made once per webhook address. Afterwards it belongs to the people who use Prefect's UI: what
they change stays, what they delete stays away, until the address in the settings changes.
"""

import hashlib
from datetime import timedelta
from uuid import UUID

import structlog
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import PrefectClient
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.types import SecretDict
from prefect.variables import Variable

from flows.reports.failure_alarm import HIGH, NORMAL, RESOURCE
from infra.settings.sections import FailureAlarmSettings

log = structlog.get_logger(__name__)

AUTOMATION = "Product images: many jobs fail"
BLOCK = "product-images-alarm"
_MADE = "product_images_alarm_made"
_BODY = "{{ event.payload.message }}\n{{ event.event }}, {{ event.occurred }}"


async def ensure_alarm(client: PrefectClient, settings: FailureAlarmSettings) -> None:
    """Make block and automation unless they were made for this address already.

    Each step looks first, so that a deployment which was interrupted is finished by the next.
    """
    if settings.webhook_url is None:
        return
    url = settings.webhook_url.get_secret_value()
    digest = hashlib.sha256(url.encode()).hexdigest()
    if await Variable[str].aget(_MADE) == digest:
        log.info("alarm is current")
        return
    # The address is a secret value, because many webhooks need no other.
    block = CustomWebhookNotificationBlock(
        name=BLOCK,
        url="{{url}}",
        json_data={"text": "{{subject}}\n{{body}}"},
        headers=None,
        cookies=None,
        secrets=SecretDict({"url": url}),
    )
    block_id: UUID = await block.save(BLOCK, overwrite=True)
    if not await client.read_automations_by_name(AUTOMATION):
        await client.create_automation(_automation(block_id))
    await Variable[str].aset(_MADE, digest, overwrite=True)
    log.info("alarm made", automation=AUTOMATION, block=BLOCK)


def _automation(block_id: UUID) -> AutomationCore:
    return AutomationCore(
        name=AUTOMATION,
        description="Made from FAILURE_ALARM_WEBHOOK_URL; change it here as you like.",
        trigger=EventTrigger(
            expect={HIGH, NORMAL},
            match={"prefect.resource.id": RESOURCE},
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[SendNotification(block_document_id=block_id, subject=AUTOMATION, body=_BODY)],
    )
