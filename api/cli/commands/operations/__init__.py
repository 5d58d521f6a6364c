"""Commands for operators: whether all is well, and copies of everything."""
