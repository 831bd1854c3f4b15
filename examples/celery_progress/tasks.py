"""The worker: `celery -A tasks worker`."""

import os
import time

from celery import Celery
from jobs import DATABASE_URL, REDIS_URL, give_up, import_next
from sqlalchemy.exc import IntegrityError, OperationalError

from notifier import DatabaseUnavailable, Notifier

PAUSE = float(os.environ.get("LINE_SECONDS", "0.3"))  # as if a line were work
REDELIVER = float(os.environ.get("REDELIVER_SECONDS", "30"))

celery = Celery("tasks", broker=REDIS_URL)
celery.conf.update(
    # A task is done when it has ended, not when it has begun ...
    task_acks_late=True,
    # ... so one whose process was killed is begun again, at once by its worker,
    task_reject_on_worker_lost=True,
    # and if the whole worker went, by another, after this many seconds.
    broker_transport_options={
        "visibility_timeout": REDELIVER,
        # By default they look every 100 s, and not for 5 minutes once one was killed looking.
        "unacked_restore_interval": REDELIVER / 10,
        "unacked_restore_throttle": 1,
        "unacked_mutex_expire": REDELIVER / 10,
    },
    worker_prefetch_multiplier=1,
)

# It connects when it is first used, and each process of the pool for itself.
notifier = Notifier.from_url(DATABASE_URL, REDIS_URL)


@celery.task(
    autoretry_for=(DatabaseUnavailable, OperationalError),
    max_retries=None,
    retry_backoff=True,
    retry_backoff_max=60,
    retry_jitter=False,
)
def import_addresses(job_id):
    """Import a job's lines from where it stands. The database is busy or away: try again later."""
    try:
        while import_next(notifier, job_id):
            time.sleep(PAUSE)
    except IntegrityError:
        give_up(notifier, job_id)
