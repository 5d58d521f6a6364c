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
