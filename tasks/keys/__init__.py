"""API keys: how they look, making and revoking them, and finding what a caller may do."""
