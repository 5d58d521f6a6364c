"""Reactions to actions in Prefect's UI, and to orphaned work.

`events` subscribes to Prefect, `prefect_cancellation` ends cancelled work, `reaper` reclaims
orphans. No work of a job is done here. Start reading at `prefect_cancellation.py`.
"""
