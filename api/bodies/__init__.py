"""Reads request bodies within limits: JSON, multipart forms, idempotency keys.

Start reading at `submission.py`.
"""
