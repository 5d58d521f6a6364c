"""Reactions to what people do and to what was left behind.

`events` subscribes to Prefect, `cancellation` ends cancelled work, `reaper` reclaims orphans,
`batch_leaders` gives each running batch a leader. No work of a job is done here. Start reading at
`cancellation.py`.
"""
