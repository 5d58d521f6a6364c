"""Makes the failure alarm in Prefect for each webhook's address on standard input.

A process of its own, since Prefect's client leaves connections open; one for all addresses, since
loading Prefect takes seconds. Answers each with a line: `python -m tests.support.alarm_maker`.
"""

import asyncio
import sys

MADE = "made\n"


async def _make(webhook_url: str) -> None:
    from prefect.client.orchestration import get_client
    from pydantic import SecretStr

    from flows.reports.alarm_automation import ensure_alarm
    from infra.settings.sections import FailureAlarmSettings

    async with get_client() as client:
        await ensure_alarm(client, FailureAlarmSettings(webhook_url=SecretStr(webhook_url)))


if __name__ == "__main__":
    for address in sys.stdin:
        asyncio.run(_make(address.strip()))
        sys.stdout.write(MADE)
        sys.stdout.flush()
