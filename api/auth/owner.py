"""Whose request it is, for what belongs to one caller alone."""

from fastapi import Request

from api.auth.guard import answer_of


def caller_key(request: Request) -> str:
    """Return the id of the API key that the caller proved; empty when no key is needed."""
    answer = answer_of(request)
    return "" if answer is None or answer.grant is None else answer.grant.key_id
