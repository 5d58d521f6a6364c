"""Use case: show how source hosts behave, and ask one again that was left alone."""

from infra.contract.errors import ErrorCode, Rejected
from infra.host_limits.policy import HostView
from infra.host_limits.redis_limits import RedisHostLimits


def list_hosts(hosts: RedisHostLimits, *, limit: int) -> list[HostView]:
    """Return the hosts that were asked last, the latest first; raises `ServiceUnavailable`."""
    return hosts.views(limit)


def reset_host(hosts: RedisHostLimits, host: str) -> HostView:
    """Close the circuit and end the silence; return what is known of the host then.

    Raises `Rejected` (404) when it was not asked lately, `ServiceUnavailable`.
    """
    if hosts.view(host) is not None:
        hosts.reset(host)
        view = hosts.view(host)
        if view is not None:
            return view
    raise Rejected(404, ErrorCode.NOT_FOUND, f"No host {host[:64]!r} was asked lately.")
