"""JSON of requests: what is nested deeper than Python reads is a bad request like any other."""

from __future__ import annotations

from typing import Any

from flask.json.provider import DefaultJSONProvider


class JSONProvider(DefaultJSONProvider):
    """Flask's own, which names no error that a view would not expect."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:  # noqa: ANN401 - what JSON holds
        """Read JSON; raises ValueError for what is none or is too deep."""
        try:
            return super().loads(s, **kwargs)
        except RecursionError:
            raise ValueError("nested too deeply") from None
