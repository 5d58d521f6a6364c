"""The form of keys: random, checked, and nothing but a hash is kept."""

import re
from hashlib import sha256

import pytest

from tasks.keys.form import new_key, parse_key


def test_a_new_key_parses_to_its_id_and_the_hash_of_its_text() -> None:
    text = new_key()

    parsed = parse_key(text)

    assert parsed is not None
    assert text.startswith(f"pi_{parsed.id}_")
    assert parsed.hash == sha256(text.encode()).hexdigest()
    assert re.fullmatch(r"pi_[0-9a-z]{12}_[0-9A-Za-z]{49}", text)


def test_no_two_keys_are_alike() -> None:
    assert len({new_key() for _ in range(200)}) == 200


@pytest.mark.parametrize("position", [3, 14, 16, 40, 58, -1])
def test_a_key_with_one_wrong_character_is_no_key(position: int) -> None:
    text = new_key()
    wrong = "a" if text[position] != "a" else "b"
    where = position % len(text)

    assert parse_key(text[:where] + wrong + text[where + 1 :]) is None


def test_what_is_not_in_the_form_of_a_key_is_no_key() -> None:
    text = new_key()
    for other in ("", "x", "pi_", text[:-1], text + "0", f" {text}", text + "\n", text.upper()):
        assert parse_key(other) is None, other
    assert parse_key(text[:-1] + "\u0661") is None
