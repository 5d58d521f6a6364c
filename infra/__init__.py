"""Adapters, settings and the contract's vocabulary. Imports none of the other packages.

Vendor libraries and their exceptions stop here. Start reading at `contract/errors.py` and
`settings/sections.py`.
"""
