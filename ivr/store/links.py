"""Links sent by SMS, kept by the hash of their token; the address that one caught is encrypted.

It satisfies `ivr.desk.address.LinkStore`. This module must not know tokens, nor what an address is good for.
"""

from __future__ import annotations

from sqlalchemy import Engine, delete, insert, select, update

from ivr.store.outbox_tables import links
from ivr.store.vault import Vault


class StoredLinks:
    """The links of one database. Every method raises what the database raises."""

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine, self._vault = engine, vault

    def keep(self, digest: str, call: str, expires: float) -> None:
        """Keep a new link of a call, and until when it opens (seconds since the epoch)."""
        with self._engine.begin() as connection:
            connection.execute(insert(links).values(digest=digest, call_sid=call, expires_at=expires))

    def link(self, digest: str) -> tuple[float, bool] | None:
        """Until when the link opens, and whether it was used."""
        query = select(links.c.expires_at, links.c.used_at).where(links.c.digest == digest)
        with self._engine.begin() as connection:
            row = connection.execute(query).one_or_none()
        return (row.expires_at, row.used_at is not None) if row else None

    def use(self, digest: str, address: str, at: float) -> bool:
        """Note the address, the first time alone."""
        first = update(links).where(links.c.digest == digest, links.c.used_at.is_(None))
        cipher = self._vault.sealed(address, _place(digest))
        with self._engine.begin() as connection:
            return bool(connection.execute(first.values(used_at=at, address=cipher)).rowcount)

    def caught(self, call: str) -> tuple[str, float] | None:
        """The address that a link of the call caught last, and when. Raises VaultError when it does not open."""
        used = select(links).where(links.c.call_sid == call, links.c.used_at.is_not(None))
        with self._engine.begin() as connection:
            row = connection.execute(used.order_by(links.c.used_at.desc()).limit(1)).one_or_none()
        return (self._vault.opened(row.address, _place(row.digest)), row.used_at) if row else None

    def forget(self, before: float) -> int:
        """Delete the links that expired before then, with what they caught; how many there were."""
        with self._engine.begin() as connection:
            return connection.execute(delete(links).where(links.c.expires_at < before)).rowcount


def _place(digest: str) -> str:
    return f"links|address|{digest}"
