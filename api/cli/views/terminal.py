"""The console of the commands: what the tables hold may not steer the terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Column, Table
from rich.text import Text

from infra.db.storable import visible

_WIDEST_COLUMNS = 100_000  # wider than a row can be


class Terminal(Console):
    """Writes control characters of texts as escapes; colours and lines are the console's own."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render as every console does, and escape what is left in the texts."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(visible(segment.text, "\n\t"), segment.style)


out = Terminal(highlight=False)
err = Terminal(stderr=True, highlight=False)


def right(heading: str) -> Column:
    """Return a column of numbers: they stand at its right edge."""
    return Column(heading, justify="right")


def print_table(
    console: Console,
    columns: Sequence[Column | str],
    rows: Iterable[Sequence[str]],
    *,
    indent: int = 0,
) -> None:
    """Print a heading and one line per row, `indent` spaces from the left.

    No line is cut or wrapped to the console's width, so that addresses can be clicked and copied.
    """
    # A table keeps its cells in the columns that it is given.
    own = (each if isinstance(each, str) else each.copy() for each in columns)
    table = Table(*own, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    wide = console.options.update(width=_WIDEST_COLUMNS)
    for segments in console.render_lines(table, wide, pad=False):
        line = Text(" " * indent)
        for segment in segments:
            line.append(segment.text, segment.style)
        line.rstrip()
        console.print(line, soft_wrap=True)
