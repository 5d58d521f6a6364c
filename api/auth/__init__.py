"""Authentication, scopes, rate limits, and the security headers of every answer.

Start reading at `guard.py`.
"""
