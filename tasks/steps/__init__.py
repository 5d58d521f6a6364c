"""The steps of a job for one image: fetch, compress, store; what they share and reuse.

Each step is a plain function with its result in `results`; the last step, record, is
`tasks.jobs.record`. Start reading at `fetch.py`.
"""
