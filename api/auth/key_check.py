"""Asks what a key may do, and stops an address that shows many wrong ones."""

from anyio import to_thread
from starlette.responses import Response

from api.auth.caller import Caller
from api.auth.known_keys import Answer
from api.auth.limiter import Limiter
from api.auth.refusals import too_many_failures
from api.problems import unavailable
from api.resources import ApiResources
from infra.contract.errors import ServiceUnavailable
from infra.settings.sections import ApiSettings
from tasks.keys.form import Credential, PresentedKey


class KeyCheck:
    """Counts the wrong keys of each address; a session's signature was checked already."""

    def __init__(self, settings: ApiSettings) -> None:
        self._failures = Limiter(settings.failed_keys_per_minute)

    async def ask(
        self, resources: ApiResources, caller: Caller, shown: Credential | None
    ) -> Answer | Response:
        """Return what the caller may do; or a refusal, when that cannot be found out now."""
        known_keys = resources.known_keys
        known = known_keys.recall(shown)
        if known is not None:
            return known
        unproved = isinstance(shown, PresentedKey) and not known_keys.was_good(shown)
        if unproved and not (left := self._failures.look(caller.place)).allowed:
            return too_many_failures(left)
        try:
            answer = await to_thread.run_sync(known_keys.ask, resources.database, shown)
        except ServiceUnavailable as exc:  # the caller's rights are unknown
            return unavailable(exc)
        if unproved and answer.grant is None and not answer.is_open:
            self._failures.take_here(caller.place)
        return answer
