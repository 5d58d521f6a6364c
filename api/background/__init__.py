"""Threads of the API process: dispatcher, webhook sender, dependency probes.

Start reading at `periodic_thread.py`.
"""
