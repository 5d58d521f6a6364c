"""The deployments on the Prefect server that the system needs, by their names.

prefect.yaml says what they are. Each has the name of its flow.
"""

DEPLOYMENTS = (
    "process-product",
    "process-chunk",
    "coordinate-batch",
    "sweep",
    "daily-summary",
    "reprocess",
    "reprocess-stale",
    "collect-garbage",
    "verify",
)

SCHEDULED = ("sweep", "daily-summary", "reprocess-stale", "collect-garbage", "verify")
"""Those that prefect.yaml gives a schedule."""
