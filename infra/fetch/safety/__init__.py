"""Where a request may go: URLs, hosts and addresses, checked before a connection is made.

No connection is opened here. Start reading at `source_url.py`, then `allow_list.py`.
"""
