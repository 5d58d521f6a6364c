"""Read the two facts of IPTC-IIM data that say whose image it is.

The data are a list of numbered entries. They are untrusted: what does not add up ends the list.
"""

from collections.abc import Iterator

_MAX_BYTES = 256 * 1024
_MARK = 0x1C
_LONG = 0x8000  # a length with this bit is that of a longer length: no name needs one
_BY_LINE, _COPYRIGHT = (2, 80), (2, 116)


def by_lines_and_notice(data: bytes) -> tuple[list[str], str]:
    """Return the makers' names and the copyright notice; empty where there is none."""
    found = [*_entries(data[:_MAX_BYTES])]
    names = [_text(body) for kind, body in found if kind == _BY_LINE]
    notices = [_text(body) for kind, body in found if kind == _COPYRIGHT]
    return [name for name in names if name], notices[0] if notices else ""


def _entries(data: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    place = 0
    while place + 5 <= len(data) and data[place] == _MARK:
        length = int.from_bytes(data[place + 3 : place + 5], "big")
        body = data[place + 5 : place + 5 + length]
        if length & _LONG or len(body) < length:
            return
        yield (data[place + 1], data[place + 2]), body
        place += 5 + length


def _text(body: bytes) -> str:
    """Few files say how their letters are coded; most that are no UTF-8 are Latin-1."""
    try:
        return body.decode("utf-8").strip()
    except UnicodeDecodeError:
        return body.decode("latin-1").strip()
