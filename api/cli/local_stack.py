"""Where the local stack's parts are, for commands that work on one of them directly."""

from infra.settings.sections import SettingsError, StackSettings
from infra.stack_description import FILE_NAME, StackDescription


def running_stack(stack: StackSettings, *, instead_of: str) -> StackDescription:
    """Return the stack that runs here; raise `SettingsError` naming the variable to set instead."""
    try:
        return StackDescription.load(stack.stack_directory / FILE_NAME)
    except SettingsError as exc:
        raise SettingsError(
            f"{instead_of} is not set, and no local stack runs here. Set it, or start one: "
            "product-images stack up."
        ) from exc
