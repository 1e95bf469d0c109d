"""Lua scripts of the rate limiter, each atomic in Valkey: `lua/*.lua` (see rate_limiter.py).

Each script gets its keys and one JSON object, `args`; `lua/prelude.lua` precedes all.
"""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent / "lua"
_PRELUDE = "prelude"


def load_scripts() -> dict[str, str]:
    """Return the scripts by name."""
    sources = {path.stem: path.read_text() for path in sorted(_FOLDER.glob("*.lua"))}
    prelude = sources.pop(_PRELUDE)
    return {name: prelude + source for name, source in sources.items()}
