"""The page that asks once before something that cannot be undone."""

from __future__ import annotations

from collections.abc import Sequence

from flask import render_template


def confirmation(
    *, title: str, about: str, sentences: Sequence[str], button: str, action: str, back: str
) -> str:
    """Show what will happen, with a button that does it and a way back."""
    return render_template(
        "studio/confirm.html",
        title=title,
        about=about,
        sentences=sentences,
        button=button,
        action=action,
        back=back,
    )
