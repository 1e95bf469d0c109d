"""JSON of requests; too deep nesting is a bad request like any other."""

from __future__ import annotations

from typing import Any

from flask.json.provider import DefaultJSONProvider


class JSONProvider(DefaultJSONProvider):
    """Flask's provider, raising only errors that views expect."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:  # noqa: ANN401 - what JSON holds
        """Parse JSON. Raises ValueError if it is invalid or nested too deeply."""
        try:
            return super().loads(s, **kwargs)
        except RecursionError:
            raise ValueError("nested too deeply") from None
