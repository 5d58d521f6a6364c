"""Figures about many jobs: summaries, failure rates, load.

Read-only, but for the failure alarm's state. Pages and artifacts are made elsewhere. Start reading
at `daily_summary.py`.
"""
