"""Links in a database on disk, for the tests of `ivr.desk.address` and of its page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ivr.store.database import open_database
from ivr.store.links import StoredLinks
from ivr.store.vault import Vault

VAULT = Vault([b"a secret of thirty-two characters"])


@contextmanager
def stored_links(folder: Path) -> Iterator[StoredLinks]:
    """The links of a new database in this folder."""
    engine = open_database(f"sqlite:///{folder}/links.sqlite")
    yield StoredLinks(engine, VAULT)
    engine.dispose()
