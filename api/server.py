"""Runs the HTTP API: `python -m api.server`."""

import socket
import sys
from contextlib import suppress

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.connection import ServerConfig
from api.resources import ApiConfiguration, ApiResources
from infra.logs import configure_logs
from infra.settings.sections import ApiSettings, SettingsError

_KEEP_ALIVE_SECONDS = 30
_SHUTDOWN_SECONDS = 10
_FAILED_TO_START = 3


class ApiServer(uvicorn.Server):
    """Ends the streams of events before it waits for open requests, which would never end."""

    def __init__(self, app: FastAPI, settings: ApiSettings) -> None:
        super().__init__(
            ServerConfig(
                app,
                settings,
                host=settings.host,
                port=settings.port,
                ws="none",
                access_log=False,
                log_config=None,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
                # uvicorn's own default trusts everything that comes through this machine.
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=list(settings.trusted_proxies),
            )
        )
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: first what would go on for ever, then as every server does."""
        resources: ApiResources = self._app.state.resources
        resources.job_watcher.close()
        resources.places.close()
        await super().shutdown(sockets)


def main() -> None:
    """Serve until SIGTERM or Ctrl-C; requests under way are answered first."""
    configure_logs()
    try:
        configuration = ApiConfiguration.load()
    except SettingsError as exc:
        sys.exit(str(exc))
    server = ApiServer(create_app(configuration), configuration.api)
    with suppress(KeyboardInterrupt):  # the server has stopped in order already
        server.run()
    if not server.started:
        sys.exit(_FAILED_TO_START)


if __name__ == "__main__":
    main()
