"""Figures that are looked up when they are asked for: what waits in the store, and what the process holds open."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from storage.objects import ObjectStore
from storage.replicas import BEHIND, OK, Replica, ReplicaLeft
from storage.store import Store
from storage.tenancy import across
from trace.services.health import check_replica, waiting_photos
from trace.services.job_list import count_jobs


@across(because="the figures are of the whole service")
def find_figures(session: Session, store: Store, objects: ObjectStore, now: datetime) -> Sequence[Metric]:
    """The connections of this process, whether the database and its replica answer, photos and jobs that wait.

    Never raises because the database is gone: that is one of the figures.
    """
    photos = GaugeMetricFamily(
        "sunshine_photos_waiting", "Photos here until their store is back.", waiting_photos(objects)
    )
    figures: list[Metric] = [*_connections(store), *_replica(store.replica), photos]
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


def _replica(replica: Replica | None) -> Iterator[Metric]:
    """Without a value where there is none, and how far it is behind where nobody can say."""
    up = GaugeMetricFamily("sunshine_replica_up", "1 while the replica answers looks.")
    behind = GaugeMetricFamily("sunshine_replica_behind_bytes", "Of the log that the replica has not come to.")
    if replica is not None:
        up.add_metric([], 0 if check_replica(replica) else 1)
        if replica.state in (OK, BEHIND):
            with suppress(ReplicaLeft, SQLAlchemyError):
                behind.add_metric([], replica.lag())
    yield from (up, behind)


def _jobs(session: Session, now: datetime) -> Iterator[Metric]:
    waiting = GaugeMetricFamily("sunshine_jobs", "Jobs in the table, by kind and state.", labels=["kind", "state"])
    late = GaugeMetricFamily("sunshine_jobs_late_seconds", "How long the job that is due has waited.", labels=["kind"])
    for one in count_jobs(session, now=now):
        for state, count in one["states"].items():
            waiting.add_metric([one["kind"], state], count)
        since = one["due_since"]
        late.add_metric([one["kind"]], max(0.0, (now - since).total_seconds()) if since else 0.0)
    yield from (waiting, late)
