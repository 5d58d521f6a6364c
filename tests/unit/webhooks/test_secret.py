"""A webhook's secret is long enough, spelled as the standard says, and never told."""

import base64

import pytest

from infra.contract.webhook_secret import new_secret, require_secret
from infra.settings.sections import SettingsError, WebhookSettings


def spelled(length: int) -> str:
    return "whsec_" + base64.b64encode(b"x" * length).decode()


def test_a_new_secret_is_accepted_and_differs_from_the_last() -> None:
    first, second = new_secret(), new_secret()
    assert require_secret(first) == first
    assert first != second


@pytest.mark.parametrize("length", [24, 64])
def test_lengths_within_the_standard_are_accepted(length: int) -> None:
    assert require_secret(spelled(length))


@pytest.mark.parametrize(
    "text", ["", "whsec_", spelled(23), spelled(65), spelled(32)[6:], "whsec_%%%%", "whsec_é" * 9]
)
def test_anything_else_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="must be whsec_ and then 24 to 64 bytes") as refused:
        require_secret(text)
    assert len(text) < 9 or text not in str(refused.value)


def test_a_bad_secret_in_the_environment_stops_the_process_with_the_name_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET", "hunter2-hunter2")
    with pytest.raises(SettingsError, match="WEBHOOK_SECRET is wrong") as refused:
        WebhookSettings.load(env_file=None)
    assert "hunter2" not in str(refused.value)
