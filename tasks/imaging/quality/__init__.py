"""The search for the quality number at which a file is as small as the preset allows.

`search` asks `metric` about the tiles that `sampling` chose. Start reading at `search.py`.
"""
