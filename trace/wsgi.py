"""The application for a WSGI server: `granian --interface wsgi trace.wsgi:app`, or `gunicorn trace.wsgi:app`.

Beside the requests it does the work in the background (`trace.worker`), so that subscriptions work with nothing else
started; not where `SUNSHINE_WORKER` is 0 and `./run worker` does it. The workers end with the server's process,
whatever ends it, and begin with the one that takes its place.
"""

import multiprocessing.util
import signal
import sys

# Granian forks its worker, which does with signals what its parent does: it notes that one came. One that came while
# all of this is loaded would be forgotten, and the worker be killed when the server's patience is over, with what it
# has in hand by then. Now nothing is in hand, and it ends; behind this granian sets what it wants of signals.
if multiprocessing.parent_process() is not None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

from storage.tenancy import EVERYTHING
from trace import create_app
from trace.collector import settle
from trace.config import SettingError, load_settings
from trace.mqtt import listen
from trace.worker import Crew, worker_of

try:
    settings = load_settings()
    app = create_app(settings)
except SettingError as fault:
    sys.exit(str(fault))
settle()
if settings.worker:
    parts = app.extensions["sunshine"]
    store = parts.store.seeing(EVERYTHING)
    crew = Crew(worker_of(settings, store, parts.objects)).start()
    listener = listen(settings.mqtt_url, store, settings.timezone)
    # A server's process may be a child of multiprocessing, which runs no atexit handlers; these it runs, others too.
    multiprocessing.util.Finalize(None, crew.stop, exitpriority=10)
    multiprocessing.util.Finalize(None, listener.stop, exitpriority=11)
