"""What runs, in which order, bound to Prefect. Light on purpose: modules load Prefect."""
