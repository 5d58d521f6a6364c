"""Runs a worker: `python -m flows.worker`.

Light on purpose: every pixel process re-imports the main module when it starts.
"""

import sys


def main() -> None:
    """Work until SIGTERM or Ctrl-C."""
    from flows.shift import run_shift  # Prefect stays out of the pixel processes

    sys.exit(run_shift())


if __name__ == "__main__":
    main()
