"""A table in the shell: a line per row, whatever its cells hold and however narrow the shell is."""

import io

from api.cli.views.terminal import Terminal, print_table, right

COLUMNS = ("name", right("bytes"), "URL")
URL = "https://shop.example/" + "a" * 120


def shown(*rows: tuple[str, str, str], indent: int = 0) -> list[str]:
    out = io.StringIO()
    print_table(Terminal(file=out, width=30, highlight=False), COLUMNS, rows, indent=indent)
    return out.getvalue().splitlines()


def test_columns_are_as_wide_as_what_they_hold_and_a_long_last_one_is_not_cut() -> None:
    assert shown(("a-long-name", "7", URL), ("b", "1234567", ""), indent=2) == [
        "  name           bytes  URL",
        f"  a-long-name        7  {URL}",
        "  b            1234567",
    ]


def test_a_second_table_holds_nothing_of_the_first() -> None:
    assert shown(("a", "1", "u")) == shown(("a", "1", "u"))


def test_control_characters_and_markup_are_shown_as_they_are() -> None:
    _, line = shown(("a\x1b[2J\nb", "[red]1[/]", "u"))
    assert line == "a\\x1b[2J\\nb  [red]1[/]  u"


def test_columns_stay_below_each_other_behind_wide_characters() -> None:
    head, line = shown(("マグ", "1", "u"))
    assert head == "name  bytes  URL"
    assert line == "マグ      1  u"
