"""What a dry run of an import found, for people: how the file is read, and its first products."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_MOST_IGNORED = 12


def print_checked(console: Console, answer: Mapping[str, Any]) -> None:
    """Print how a file is read."""
    read = answer["read"]
    if read["pattern"]:
        told = f"Read as ZIP archive of pictures, named {read['pattern']}."
        console.print(Text(told), soft_wrap=True)
        _print_rest(console, answer)
        return
    facts = [
        read["format"].upper() if read["format"] != "feed" else "product feed (XML)",
        read["encoding"],
        read["delimiter"] and f"separated by {_DELIMITERS.get(read['delimiter'], 'another mark')}",
        read["sheet"] and f"sheet {read['sheet']!r}",
        f"columns of {read['profile']}" if read["profile"] else "our own columns",
    ]
    console.print(Text(f"Read as {', '.join(filter(None, facts))}."), soft_wrap=True)
    table = Table("column", "field", box=None, pad_edge=False)
    for column in read["columns"]:
        table.add_row(Text(column["column"]), column["field"])
    console.print(table)
    ignored = read["ignored_columns"]
    if ignored:
        more = f" and {len(ignored) - _MOST_IGNORED} more" if len(ignored) > _MOST_IGNORED else ""
        names = ", ".join(ignored[:_MOST_IGNORED])
        console.print(Text(f"Ignored: {names}{more}."), soft_wrap=True)
    _print_rest(console, answer)


def _print_rest(console: Console, answer: Mapping[str, Any]) -> None:
    print_warnings(console, answer["read"])
    if answer["preview"]:
        console.print(f"The first {len(answer['preview'])} of {answer['products']} products:")
    for product in answer["preview"]:
        _print_product(console, product)


def print_warnings(console: Console, read: Mapping[str, Any]) -> None:
    """Print what may not be as it was meant."""
    for told in read["warnings"]:
        console.print(Text(f"Note: {told}", style="yellow"), soft_wrap=True)


def print_row_errors(console: Console, errors: Sequence[Any]) -> None:
    """Print what is wrong, row by row."""
    for error in errors:
        column = f", {error['column']}" if error.get("column") else ""
        told = f"line {error.get('line')}{column}: {error['detail']} ({error.get('code')})"
        console.print(told, style="red", markup=False, soft_wrap=True)


def _print_product(console: Console, product: Mapping[str, Any]) -> None:
    fields = dict(product["fields"])
    price = " ".join(filter(None, (fields.pop("price", None), fields.pop("currency", None))))
    said = [fields.pop("name", None), price, *(f"{name}: {text}" for name, text in fields.items())]
    line = f"  line {product['line']}: {product['sku']}"
    told = "; ".join(_shortened(text) for text in said if text)
    console.print(Text(f"{line}: {told}" if told else line), soft_wrap=True)
    for image in product["images"]:
        alt = f"  ({_shortened(image['alt'])})" if image["alt"] else ""
        console.print(Text(f"    {image['file'] or image['url']}{alt}"), soft_wrap=True)


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:59]}…"
