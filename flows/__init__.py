"""What runs, in which order, bound to Prefect. Light on purpose: pixel children re-import it."""
