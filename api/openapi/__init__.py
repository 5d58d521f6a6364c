"""Completes the OpenAPI document: examples, problems.

Start reading at `document.py`.
"""
