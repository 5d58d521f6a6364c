"""Prefect flows, one per file, and the packages that run them.

The flows are at the top level; what starts, controls and reports them is in the packages. Nothing
here decodes an image or writes SQL: that is in `tasks`. Start reading at `process_product.py`,
then `execution/executor.py`.
"""
