"""What Prefect's pages show: artifacts, progress, alarms.

Figures come from `tasks.reports`; here they become artifacts and events. Start reading at
`artifacts.py`.
"""
