"""What callers are told of a wrong value: in our words, whatever is wrong with it."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from api.imports.build import _Described
from api.routes.imports import ImportQuery
from api.schemas.product_requests import NewProduct, PictureList, ProductChange
from api.schemas.submissions import ProcessImageRequest, parsed
from api.schemas.webhooks import DeliveryQuery, NewWebhook, WebhookChange
from api.sentences import SENTENCES, sentence
from infra.contract.errors import Rejected
from tasks.reprocess.request import ReprocessRequest

MODELS: tuple[type[BaseModel], ...] = (
    *(ProcessImageRequest, NewProduct, ProductChange, PictureList, ReprocessRequest),
    *(NewWebhook, WebhookChange, DeliveryQuery, ImportQuery, _Described),
)
WRONG: tuple[Any, ...] = (
    *(None, True, 7, -1, 10**30, 1.5, "", "x", "x" * 30_000, "1e400", "nan", "-1", "1.23456"),
    *("1" * 40, [], [None], [1], ["x"], [[]], [{}], {}, {"a": 1}, [{"url": 1}], [{"url": "x"}]),
    *("2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "\x1b[31m", ["\x1b"]),
    *({"a": "\x00"}, ["x"] * 20_000, b"\xff", "\ud800", "EUR "),
)
THEIRS = (
    "Input should",
    "Value error",
    "Field required",
    "extract fields",
    "instance of",
    "pydantic",
)


def errors(model: type[BaseModel]) -> list[Any]:
    found = []
    for members in [{}, {"stranger": 1}] + [
        {name: value} for name in model.model_fields for value in WRONG
    ]:
        try:
            model.model_validate(members)
        except ValidationError as exc:
            found += exc.errors()
    return found


@pytest.mark.parametrize("model", MODELS)
def test_every_kind_of_error_has_a_sentence_of_ours(model: type[BaseModel]) -> None:
    for error in errors(model):
        kind, told = error["type"], sentence(error)
        assert kind in SENTENCES or kind == "value_error", f"{kind}: {error['msg']}"
        assert not any(theirs in told for theirs in THEIRS), told
        assert "{" not in told or kind == "value_error"


def test_a_picture_that_is_no_picture_is_told_in_plain_words() -> None:
    with pytest.raises(Rejected) as caught:
        parsed(NewProduct, {"images": [1]})

    assert "must be a JSON object" in caught.value.detail
    assert "extract" not in caught.value.detail


def test_a_kind_that_is_not_known_shows_no_text_of_the_library() -> None:
    assert sentence({"type": "news", "msg": "Input should be new"}) == "is not valid"
