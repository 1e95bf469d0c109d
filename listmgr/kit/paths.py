"""Paths of files that are not Python: templates, migrations."""

from __future__ import annotations

from pathlib import Path


def resource(name: str) -> Path:
    """Return a top-level folder of the repository, or its copy in an installed wheel."""
    package = Path(__file__).parent.parent
    inside = package / name
    return inside if inside.exists() else package.parent / name
