"""Is the service well: do the database, the photo store and the reading engines answer?"""

from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from scanners import available_engines
from storage.objects import ObjectStore
from trace.domain.failures import Failure


def check_health(session: Session, objects: ObjectStore) -> dict[str, Any]:
    """{status, database, objects, engines}; `status` is ok as long as goods can be received.

    A reading engine that is missing is told and does no harm: the others read on.
    """
    database, kept = _database(session), _objects(objects)
    return {
        "status": "ok" if database == kept == "ok" else "failing",
        "database": database,
        "objects": kept,
        "engines": {name: problem or "ok" for name, problem in available_engines().items()},
    }


def _database(session: Session) -> str:
    try:
        return "ok" if session.execute(select(1)).scalar_one() == 1 else "failing"
    except SQLAlchemyError as fault:
        return type(fault).__name__


def _objects(objects: ObjectStore) -> str:
    try:
        objects.check()
    except Failure as fault:
        return str(fault)
    except OSError as fault:
        return fault.strerror or "failing"
    return "ok"
