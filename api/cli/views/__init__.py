"""What commands show: tables, progress, pages, JSON. Start reading at `job_table.py`.

Pages are templates, in the folder `templates`.
"""
