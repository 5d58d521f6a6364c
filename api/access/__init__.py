"""Who may call the API and how often, and what every answer tells browsers."""
