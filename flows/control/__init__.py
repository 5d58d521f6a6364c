"""Reactions to what people do and to what was left behind.

`events` subscribes to Prefect, `prefect_cancellation` ends cancelled work, `reaper` reclaims
orphans. No work of a job is done here. Start reading at `prefect_cancellation.py`.
"""
