"""PostgreSQL and Valkey: embedded, unless the user names their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from listmgr.config import database_url, redis_url
from listmgr.runtime.postgres import Postgres
from listmgr.runtime.process import RuntimeFailure
from listmgr.runtime.valkey import Valkey


class EmbeddedServers:
    """Starts the servers the user does not provide, and stops those it started."""

    def __init__(
        self,
        data_dir: Path,
        *,
        database: str = "",
        owner: str = "",
        queue: str = "",
        say: Callable[[str], object] = lambda _said: None,
    ) -> None:
        self.database_url = database_url(database)
        # Of the role that owns the tables and migrates; of a server's own superuser, none is known.
        self.owner_url = database_url(owner) or self.database_url
        self.superuser_url = ""
        self.redis_url = redis_url(queue)
        self._data_dir = data_dir
        self._postgres = None if database else Postgres(data_dir, say)
        self._valkey = None if queue else Valkey(data_dir)

    @property
    def is_embedded(self) -> bool:
        """Whether the database is in the data directory."""
        return self._postgres is not None

    @property
    def servers(self) -> list[Postgres | Valkey]:
        """The embedded servers in the order of their start."""
        return [server for server in (self._postgres, self._valkey) if server is not None]

    def __enter__(self) -> EmbeddedServers:
        """Start PostgreSQL, then Valkey; if one fails, leave none running."""
        try:
            for server in self.servers:
                server.start()
        except OSError as error:
            self.stop()
            where = error.filename or self._data_dir
            raise RuntimeFailure(
                f"{where} cannot be used ({error.strerror}). Give another folder, on a disk of this"
                " machine: --data-dir"
            ) from None
        except BaseException:
            self.stop()
            raise
        if self._postgres is not None:
            self.database_url = self._postgres.url
            self.owner_url = self._postgres.owner_url
            self.superuser_url = self._postgres.superuser_url
        self.redis_url = self._valkey.url if self._valkey else self.redis_url
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop them in reverse order."""
        self.stop()

    def healthy(self) -> bool:
        """Whether the embedded servers answer."""
        return all(server.healthy() for server in self.servers)

    def stop(self) -> None:
        """Stop Valkey first, since PostgreSQL holds the authoritative data."""
        for server in reversed(self.servers):
            server.stop()
