"""From bytes and a preset to bytes and facts. Pure: no network, no database, no settings."""
