"""The only reader of the environment: frozen, validated sections.

Start reading at `sections.py`; `.env.example` lists every variable.
"""
