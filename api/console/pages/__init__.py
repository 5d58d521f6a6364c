"""The pages, one subject per module: each reads and changes by the routes of the HTTP API."""
