"""What is done: steps and use cases as plain functions, one per file, without Prefect."""
