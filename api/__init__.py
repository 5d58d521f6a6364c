"""HTTP and command line. Thin: they call use cases in `tasks`.

Start reading at `app.py` and `routes/process_image.py`; the command line is in `cli`.
"""
