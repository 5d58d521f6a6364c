"""Shapes of requests and answers: pydantic models, one module per resource.

Start reading at `submissions.py`.
"""
