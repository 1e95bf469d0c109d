"""Open untrusted picture data: few formats, bounded size, upright, never raising."""

from __future__ import annotations

import io
from typing import Any

from listmgr.cards.imaging.optional_deps import extra
from listmgr.kit.i18n import N_

# Phones take photos of 3 to 15 MB.
MAX_PICTURE = 25 * 1024 * 1024
# The largest that phones take by default; decoded, that is 200 MB of memory for a moment.
MAX_PIXELS = 64_000_000
# More detail than this helps no reader, and costs its time.
MAX_SIDE = 2400

TOO_LARGE = N_("The picture is larger than 25 MB. Please take it with fewer pixels, or crop it.")
TOO_MANY_PIXELS = N_("The picture has too many pixels. Please take it with fewer, or crop it.")
BROKEN = N_("The picture is broken or incomplete. Please take or upload it again.")

_FORMATS = ("JPEG", "PNG", "GIF", "WEBP")


def open_picture(data: bytes) -> Any:  # noqa: ANN401 - Pillow's picture, or a str
    """Return the picture, upright and at most MAX_SIDE wide and high.

    Of an animation the first frame. If it cannot be opened, return the reason as a str.
    """
    if len(data) > MAX_PICTURE:
        return TOO_LARGE
    pil = extra("PIL.Image")
    try:
        picture = pil.open(io.BytesIO(data), formats=_FORMATS)
        if picture.width * picture.height > MAX_PIXELS:
            return TOO_MANY_PIXELS
        return _upright(picture)
    except (pil.DecompressionBombError, pil.DecompressionBombWarning):
        return TOO_MANY_PIXELS
    except Exception:  # noqa: BLE001 - broken files raise whatever their decoder comes upon
        return BROKEN


def _upright(picture: Any) -> Any:  # noqa: ANN401
    pil = extra("PIL.Image")
    # JPEGs are decoded at half or a quarter of their size where that is enough.
    picture.draft("RGB", (MAX_SIDE, MAX_SIDE))
    picture.load()
    picture = extra("PIL.ImageOps").exif_transpose(picture)
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        paper = pil.new("RGBA", picture.size, "white")
        picture = pil.alpha_composite(paper, picture.convert("RGBA"))
    picture = picture.convert("RGB")
    picture.thumbnail((MAX_SIDE, MAX_SIDE))
    return picture
