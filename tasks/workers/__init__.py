"""The worker processes as rows: their heartbeats, turns, and why they wait.

What a worker does is in `flows.worker`. Start reading at `heartbeat.py`.
"""
