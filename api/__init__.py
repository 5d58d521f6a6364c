"""The doors: HTTP and command line. Thin; they call use cases in tasks/."""
