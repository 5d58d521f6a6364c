"""Read the two facts of IPTC-IIM data that say whose image it is.

The data are a list of numbered entries. They are untrusted: what does not add up ends the list.
"""

_MAX_BYTES = 256 * 1024
_MARK = 0x1C
_LONG = 0x8000  # a length with this bit is that of a longer length: no name needs one
_BY_LINE, _COPYRIGHT = (2, 80), (2, 116)


def by_lines_and_notice(data: bytes) -> tuple[list[str], str]:
    """Return the makers' names and the copyright notice; empty where there is none."""
    data = data[:_MAX_BYTES]
    texts: dict[tuple[int, int], list[str]] = {_BY_LINE: [], _COPYRIGHT: []}
    place = 0
    while place + 5 <= len(data) and data[place] == _MARK:
        length = int.from_bytes(data[place + 3 : place + 5], "big")
        body = data[place + 5 : place + 5 + length]
        if length & _LONG or len(body) < length:
            break
        kind = (data[place + 1], data[place + 2])
        if kind in texts:
            try:
                text = body.decode("utf-8")
            except UnicodeDecodeError:  # few files say how their letters are coded
                text = body.decode("latin-1")
            texts[kind].append(text.strip())
        place += 5 + length
    return [name for name in texts[_BY_LINE] if name], next(iter(texts[_COPYRIGHT]), "")
