"""The local stack as one object: the command line, the demo and the tests start it with this.

with Stack(settings, report) as stack:
    stack.description.environment()  # points any process at it
    stack.part("rabbitmq").restart()
"""

import threading
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import structlog

from infra.settings.sections import StackSettings, inherited_environment
from infra.stack.context import make_context
from infra.stack.plan import LOG_FOLDER, make_plan
from infra.stack.ports import require_free
from infra.stack.private_files import private_directory, replace_private
from infra.stack.supervisor.errors import StackError
from infra.stack.supervisor.lock import Role, held_lock
from infra.stack.supervisor.orphan_cleanup import OrphanCleanup, clear_away
from infra.stack.supervisor.part import Report
from infra.stack.supervisor.part_supervisor import PartSupervisor
from infra.stack.supervisor.record import FILE_NAME as RECORDS
from infra.stack.supervisor.record import save_records
from infra.stack.supervisor.supervisor import Supervisor
from infra.stack_description import FILE_NAME as DESCRIPTION
from infra.stack_description import StackDescription

log = structlog.get_logger(__name__)
_POLL_SECONDS = 0.2


class Stack:
    """Every part of the system on this machine; its starter stops it."""

    def __init__(
        self, settings: StackSettings, report: Report, *, application: bool = True
    ) -> None:
        """Start nothing yet; without `application` only the services will be started."""
        self.settings = settings
        self.directory = settings.stack_directory.resolve()
        self.tell = report
        self._application = application
        self._interrupted = threading.Event()
        self._resources = ExitStack()
        self._supervisor: Supervisor | None = None
        self._description: StackDescription | None = None
        self._ready = False
        self._writing = threading.Lock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def description(self) -> StackDescription:
        """Addresses, credentials and the process ids of this moment."""
        if self._description is None:
            raise StackError("The stack has not been started.")
        records = self._supervisor.records() if self._supervisor is not None else ()
        return self._description.with_processes({record.name: record.pid for record in records})

    @property
    def failure(self) -> StackError | None:
        """Why the stack cannot go on, or None."""
        return self._supervisor.failure if self._supervisor is not None else None

    def part(self, name: str) -> PartSupervisor:
        """Return the supervisor of one part, for its pid and log, and to stop, start or kill it."""
        if self._supervisor is None:
            raise StackError("The stack has not been started.")
        return self._supervisor.part_supervisor(name)

    def start(self) -> None:
        """Start all parts and wait until they are ready; raise `StackError` when they are not."""
        private_directory(self.directory)
        try:
            self._resources.enter_context(held_lock(self.directory, Role.SUPERVISOR))
            clear_away(self.directory)
            if self._application:
                require_free(self.settings.api_port, "API_PORT", self.settings.api_host)
            if not self.settings.prefect_api_url:
                require_free(self.settings.prefect_port, "PREFECT_PORT")
            context = make_context(self.settings, inherited_environment())
            plan = make_plan(context, self.tell, application=self._application)
            self._description = plan.description
            self._resources.callback(OrphanCleanup(self.directory).dismiss)
            self._resources.callback(self._forget)
            self._supervisor = Supervisor(
                plan.parts, self.directory / LOG_FOLDER, self.tell, changed=self._write
            )
            self._resources.callback(self._supervisor.stop)
            self._supervisor.start(self._interrupted)
            self._ready = True
            self._write()
        except BaseException:  # Ctrl-C too: nothing half started may stay
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all parts in order and leave no process behind."""
        self._ready = False
        self._resources.close()
        self._supervisor = None

    def interrupt(self) -> None:
        """Make `start` or `wait` end soon; callable from a signal handler."""
        self._interrupted.set()

    def wait(self) -> StackError | None:
        """Wait for an interrupt (None) or until the stack cannot go on (why)."""
        while not self._interrupted.wait(_POLL_SECONDS):
            if self.failure is not None:
                return self.failure
        return None

    def _write(self) -> None:
        """Say on the disk what runs now. Who comes later waits, so that the latest stays."""
        if self._supervisor is None:
            return
        with self._writing:
            try:
                save_records(self.directory / RECORDS, self._supervisor.records())
                if self._ready:
                    replace_private(self.directory / DESCRIPTION, self.description.as_json())
            except OSError as exc:
                log.warning("stack_not_described", directory=str(self.directory), reason=str(exc))

    def _forget(self) -> None:
        for name in (DESCRIPTION, RECORDS):
            (self.directory / name).unlink(missing_ok=True)
