"""The tables, one module per aggregate. A change here needs a migration.

Start reading at `catalogue.py`.
"""
