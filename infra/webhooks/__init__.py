"""How a webhook message is signed and brought to an address that a stranger chose.

Nothing here knows jobs, batches or tables.
"""
