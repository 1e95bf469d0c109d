"""What Valkey does for the hand-out of permits, each step in one go: `lua/*.lua` (see permits.py).

Each script is given its keys and one JSON object, `args`; `lua/prelude.lua` stands before all.
"""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent / "lua"
_PRELUDE = "prelude"


def load_scripts() -> dict[str, str]:
    """The scripts by their names."""
    sources = {path.stem: path.read_text() for path in sorted(_FOLDER.glob("*.lua"))}
    prelude = sources.pop(_PRELUDE)
    return {name: prelude + source for name, source in sources.items()}
