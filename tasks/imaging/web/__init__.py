"""What a web page needs besides the files: markup, placeholders, colours, hashes.

Start reading at `page_facts.py`.
"""
