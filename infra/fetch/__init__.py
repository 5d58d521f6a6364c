"""Fetches pictures from addresses that strangers chose, without ever being used against us.

`source_url` reads a URL once, `resolver` and `allow_list` decide where a connection may go,
`pinned` connects there and nowhere else, `deadline` and `stop` end it, `body` keeps what comes
within its limits, and `fetcher` puts them in a row. Nothing here knows jobs, images or the store.
"""
