"""Fetches images from addresses that strangers chose, without ever being used against us.

`fetcher` is the way in. Where a connection may go is decided in `safety`, how it is made and ended
in `transport`; `body` keeps what comes within its limits. Nothing here knows jobs, images or the
store. Start reading at `fetcher.py`.
"""
