"""The picture as reviewers see it: small, upright, without location metadata."""

from __future__ import annotations

import io

try:
    from PIL import Image, ImageOps
except ImportError:  # Pillow comes with the extras that read pictures.
    Image = None  # type: ignore[assignment]

LONGEST_SIDE = 1600
# More would be a bomb, or a poster.
MOST_PIXELS = 64_000_000
_SHOWABLE = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))


def to_show(content: bytes) -> tuple[bytes, str] | None:
    """Return a JPEG and its media type; None if a browser cannot show the picture."""
    if Image is None:
        kind = next((kind for start, kind in _SHOWABLE if content.startswith(start)), None)
        return None if kind is None else (content, kind)
    try:
        with Image.open(io.BytesIO(content)) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                return None
            upright = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    out = io.BytesIO()
    upright.save(out, "JPEG", quality=82)
    return out.getvalue(), "image/jpeg"
