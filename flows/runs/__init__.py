"""What one flow run is and knows: its inputs, attempts, labels, log, retries.

`flow_run_client` creates and ends runs on the Prefect server, `worker_context` hands a flow what it
works on, `attempts` holds what this process works on. Start reading at `attempts.py`.
"""
