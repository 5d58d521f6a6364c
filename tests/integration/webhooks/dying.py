"""A process that ends a job with a callback URL and is killed right after the commit.

Arguments: the database's URL and the callback URL.
"""

import os
import signal
import sys

from infra.db.engine import Database
from infra.settings.sections import DatabaseSettings
from tests.integration.tasks.job_rows import finished

if __name__ == "__main__":
    with Database(DatabaseSettings(url=sys.argv[1])) as opened:
        finished(opened, "a", callback_url=sys.argv[2])
        os.kill(os.getpid(), signal.SIGKILL)
