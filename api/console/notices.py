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
    "ordered": "The images are in the new order.",
    "described": "The alternative text is kept.",
    "focused": "The focal point is kept. Where the preset crops, the variants are made anew.",
    "replaced": "The image is made from its new source. Until then its old variants are shown.",
    "image-deleted": "The image is deleted.",
    "nothing-failed": "Nothing of that group has failed any more.",
    "failures-retried": "The failed images are asked for and made again. This page follows them.",
    "host-reset": "The host is asked again with the next image.",
    "key-revoked": "The key is revoked. Within 5 seconds it opens nothing.",
    "webhook-changed": "The endpoint is changed.",
    "webhook-deleted": "The endpoint is deleted, with its messages.",
    "replayed": "The message is sent again.",
    "imported": "The file is imported. Its images are fetched and made now.",
}


def notice_of(name: str | None) -> str | None:
    """Return the sentence of a name, None for one that is not known."""
    return None if name is None else _NOTICES.get(name)
