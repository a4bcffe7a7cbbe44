"""The application for a WSGI server: `granian --interface wsgi trace.wsgi:app`, or `gunicorn trace.wsgi:app`."""

import sys

from trace import create_app
from trace.config import SettingError, load_settings

try:
    app = create_app(load_settings())
except SettingError as fault:
    sys.exit(str(fault))
