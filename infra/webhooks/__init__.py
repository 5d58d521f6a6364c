"""How a webhook message is signed and sent to an untrusted address.

Nothing here knows jobs, batches or tables.
"""
