"""What the shell offers on TAB where a dead letter is named: ids that the broker knows."""

from api.cli.broker import open_letters
from api.cli.completion import PATIENCE_SECONDS, Candidates
from api.cli.views.dead_letter_table import summary
from infra.contract.errors import ProductImagesError
from infra.settings.sections import SettingsError

_LETTERS = 50


def complete_letters(incomplete: str) -> Candidates:
    """Offer the oldest dead letters."""
    try:
        letters = open_letters(connect_timeout_seconds=PATIENCE_SECONDS).peek(_LETTERS).letters
    except (ProductImagesError, SettingsError):
        return []
    return [
        (letter.id, summary(letter.death)) for letter in letters if letter.id.startswith(incomplete)
    ]
