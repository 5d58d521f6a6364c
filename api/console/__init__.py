"""The console: pages for the people who look at pictures, under `/console`.

Each page reads and changes by the use cases that the HTTP API calls; nothing is kept here. A page
works without scripts as far as reading goes; `static/console.js` and htmx add what moves. Start
reading at `page.py`. Pages are in `pages`, what they are drawn with in `templates` and `static`.
"""
