"""Tests, by what they need: nothing, a process, the private stack."""
