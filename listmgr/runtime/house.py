"""The two servers everything stands on: embedded, unless the user names servers of their own."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from listmgr.config import database_url, redis_url
from listmgr.runtime.postgres import Postgres
from listmgr.runtime.valkey import Valkey


class House:
    """Starts what is not given, stops what it started."""

    def __init__(self, data_dir: Path, *, database: str = "", queue: str = "") -> None:
        self.database_url = database_url(database)
        self.redis_url = redis_url(queue)
        self._postgres = None if database else Postgres(data_dir)
        self._valkey = None if queue else Valkey(data_dir)

    def __enter__(self) -> House:
        """Start PostgreSQL, then Valkey."""
        if self._postgres is not None:
            self.database_url = self._postgres.start().url
        if self._valkey is not None:
            try:
                self.redis_url = self._valkey.start().url
            except BaseException:
                self.stop()
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop them in the other order."""
        self.stop()

    def healthy(self) -> bool:
        """Whether the embedded servers answer."""
        started = [server for server in (self._postgres, self._valkey) if server is not None]
        return all(server.healthy() for server in started)

    def stop(self) -> None:
        """Valkey first: PostgreSQL holds the truth."""
        if self._valkey is not None:
            self._valkey.stop()
        if self._postgres is not None:
            self._postgres.stop()
