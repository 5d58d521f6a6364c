"""Everything that happens to a job after it was accepted.

Each file is one use case on the job's row: claim, lease, record, park, retry, cancel, reclaim.
`lease` and `reclaim` know chunks as well.
State changes are conditional updates (`state_changes`). Accepting jobs is in `tasks.submission`.
Start reading at `claim.py`.
"""
