"""Settings, contract words and adapters. Imports none of the other packages."""
