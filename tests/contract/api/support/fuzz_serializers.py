"""Tells the fuzzer how to send what it does not know: a text is sent as it is."""

from typing import Any

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(ctx: Any, value: Any) -> bytes:
    text = value if isinstance(value, str) else str(value)
    return text.encode(errors="replace")
