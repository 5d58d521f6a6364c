"""What a page says after a change: fixed sentences, so that an address can put no text on it."""

_NOTICES = {
    "signed-in": "You are signed in.",
    "signed-out": "You are signed out.",
    "retried": "The failed images are tried again. This page shows when they are done.",
    "cancelled": "The job is cancelled.",
    "batch-retried": "The failed images are tried again.",
    "batch-cancelled": "The batch is being cancelled: jobs that run are stopped first.",
    "batch-deleted": "The batch and its report are deleted. Its products and images stay.",
    "product-deleted": "The product is deleted, with its images and jobs.",
    "imported": "The file is imported. Its images are fetched and made now.",
}


def notice_of(name: str | None) -> str | None:
    """Return the sentence of a name, None for one that is not known."""
    return None if name is None else _NOTICES.get(name)
