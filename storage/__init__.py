"""What survives a restart: tables, sessions, named reads and writes, objects (files or S3), migrations."""

from storage.store import Store, open_store, prepare, revisions

__all__ = ["Store", "open_store", "prepare", "revisions"]
