"""The log: one line of JSON an entry, and tracebacks without the values of variables, which may be secrets."""

import sys

import structlog

from trace.metrics import count_entry


def set_up_log() -> None:
    """Write entries to standard error. Rich tracebacks are off: they print locals, the signing key among them."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,  # the number of the request, whoever writes
            count_entry,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        # Asked for at each entry: where standard error is put somewhere else for a while, the log does not stay there.
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
