"""One module per command. Start reading at `process.py`."""
