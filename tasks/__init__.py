"""Use cases and steps as plain functions, without Prefect and HTTP.

One package per aggregate (`jobs`, `chunks`, `batches`, `products`, …), `steps` for what a run does
to an image, `imaging` for the pixels. Start reading at `submission/submit.py`, then
`jobs/claim.py`.
"""
