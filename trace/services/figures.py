"""Figures that are looked up when they are asked for: what waits in the store, and what the process holds open."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from sqlalchemy import case, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from storage.store import Store
from storage.tables import job
from trace.services.rounds import waiting_since


def find_figures(session: Session, store: Store, now: datetime) -> Sequence[Metric]:
    """The connections of this process, whether the database answers, and what waits in its table of jobs.

    Never raises because the database is gone: that is one of the figures.
    """
    figures = list(_connections(store))
    up = GaugeMetricFamily("sunshine_database_up", "1 while the database answers.", 1)
    try:
        figures += _jobs(session, now)
    except SQLAlchemyError:
        session.rollback()
        up = GaugeMetricFamily("sunshine_database_up", "1 while the database answers.", 0)
    return [*figures, up]


def _connections(store: Store) -> Iterator[Metric]:
    pool = store.engine.pool
    if not isinstance(pool, QueuePool):
        return
    held = GaugeMetricFamily("sunshine_database_connections", "Connections of this process.", labels=["state"])
    held.add_metric(["used"], pool.checkedout())
    held.add_metric(["idle"], pool.checkedin())
    yield held


def _jobs(session: Session, now: datetime) -> Iterator[Metric]:
    waiting = GaugeMetricFamily("sunshine_jobs", "Jobs in the table, by kind and state.", labels=["kind", "state"])
    has_it = job.c.lease_until > now
    state = case((has_it, "working"), (job.c.attempts > 0, "failing"), else_="waiting")
    for kind, word, count in session.execute(select(job.c.kind, state, func.count()).group_by(job.c.kind, state)):
        waiting.add_metric([kind, word], count)
    yield waiting
    since = waiting_since(session, now=now)
    age = max(0.0, (now - since).total_seconds()) if since else 0.0
    yield GaugeMetricFamily("sunshine_jobs_waited_seconds", "Since when work waits that could be done.", age)
