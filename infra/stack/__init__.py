"""The local stack: starts, watches and stops every part without containers."""
