"""From bytes and a preset to bytes and facts. Pure: no network, no database, no settings.

`pipeline` is the table of contents: the steps in their order, each in a package named for its
stage. Start reading there.
"""
