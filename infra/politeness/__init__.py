"""Keeps fetches from overwhelming the servers of suppliers, whichever worker makes them.

`terms` has the rules' numbers and words, `shared` keeps what is known of each host in Redis,
`local` in this process, and `hosts` uses the first while it answers. Nothing here opens a
connection to a supplier or knows what is fetched.
"""
