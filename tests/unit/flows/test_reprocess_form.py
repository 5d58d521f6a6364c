"""The form of reprocessing in Prefect takes what the API takes, and refuses what it refuses."""

from typing import Any

import pytest
from prefect.exceptions import ParameterTypeError

from flows.collect_garbage import collect_garbage
from flows.reprocess import ReprocessForm, reprocess
from flows.verify import verify
from tasks.reprocess.request import ReprocessRequest


@pytest.mark.parametrize(
    "selection",
    [
        {"sku_prefix": "SHOE\x00"},
        {"skus": ["x" * 201]},
        {"skus": ["a"] * 10_001},
        {"limit": 2**40},
        {"created_since": "2026-01-01T00:00:00"},
        {"created_since": "2026-02-01T00:00:00Z", "created_until": "2026-01-01T00:00:00Z"},
        {"posters": True},
    ],
    ids=lambda selection: next(iter(selection)),
)
def test_what_the_api_refuses_the_form_refuses(selection: dict[str, Any]) -> None:
    with pytest.raises(ParameterTypeError):
        reprocess.validate_parameters({"selection": selection})


def test_the_form_has_the_members_of_the_request_and_says_what_they_mean() -> None:
    fields = ReprocessForm.model_fields

    assert fields.keys() == ReprocessRequest.model_fields.keys()
    assert [name for name, field in fields.items() if not field.description] == []


def test_numbers_that_no_table_and_no_calendar_hold_are_refused() -> None:
    with pytest.raises(ParameterTypeError):
        verify.validate_parameters({"count": 2**40})
    with pytest.raises(ParameterTypeError):
        collect_garbage.validate_parameters({"older_than_hours": 1e300})
