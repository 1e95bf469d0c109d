"""Recognize printed lines locally, with the models in rapidocr's wheel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

from listmgr.cards.imaging.optional_deps import extra
from listmgr.cards.parsing.card_property import one_line
from listmgr.cards.parsing.reading_order import Line

MODELS = {
    "Det.model_path": "PP-OCRv6_det_small.onnx",
    "Rec.model_path": "PP-OCRv6_rec_small.onnx",
}
# From here on the letters stand upright beyond doubt, and no other direction is tried.
_SURE = 0.9
# Below this what was read along the side is ornament.
_LEGIBLE = 0.7
_OVERLAP = 0.9
# As broad, of the picture, as text along one side is at most.
_STRIP = 0.35
_MAX_LINES = 200
# Nothing smaller can be read, and no card is a ribbon.
_LEAST_SIDE, _MOST_SHAPE = 60, 12
_SIDE = 1600


@dataclass(frozen=True, slots=True)
class _DetectedLine:
    """A line's position in the picture: its four corners, clockwise from its beginning."""

    corners: tuple[tuple[float, float], ...]
    text: str
    score: float

    @property
    def tall(self) -> bool:
        """Whether it runs vertically."""
        (x0, y0), (x1, y1), _, (x3, y3) = self.corners
        return math.dist((x0, y0), (x3, y3)) > 1.5 * math.dist((x0, y0), (x1, y1))


def models_are_here() -> bool:
    """Whether the wheel contains the models; they are never downloaded."""
    return all(Path(path).is_file() for path in _paths().values())


def read_lines(pixels: Any) -> list[Line]:  # noqa: ANN401 - numpy's array, RGB
    """Return the picture's lines, levelled; the orientation is the one that reads best."""
    short, long = sorted(pixels.shape[:2])
    if short < _LEAST_SIDE or long > _MOST_SHAPE * short:
        return []
    seen = _look(pixels)
    if not seen or _worth(seen) >= _SURE:
        return _with_upright_text(pixels, seen)
    sideways = sum(line.tall for line in seen) > len(seen) / 2
    best, turned = seen, pixels
    for quarters in (1, 3) if sideways else (2, 1, 3):
        other = extra("numpy").rot90(pixels, quarters)
        lines = _look(other)
        if _readable(lines) > _readable(best):
            best, turned = lines, other
        if lines and _worth(best) >= _SURE:
            break
    return _with_upright_text(turned, best)


def _with_upright_text(pixels: Any, seen: Sequence[_DetectedLine]) -> list[Line]:  # noqa: ANN401
    """Return the lines levelled, with vertical text recognized again horizontally."""
    upright = [line for line in seen if line.tall and len(line.text) > 2]
    lying = [line for line in seen if line not in upright]
    if not upright or not lying:
        return _levelled(seen)
    left, top, right, bottom = _around(upright)
    if right - left > _STRIP * pixels.shape[1]:
        return _levelled(seen)
    if not any(corner[0] < right for line in lying for corner in line.corners):
        # Nothing else stands there: what was not seen of the mark is read too.
        top, bottom = 0, pixels.shape[0]
    strip = pixels[max(top, 0) : bottom, max(left, 0) : right]
    turned = (_look(extra("numpy").rot90(strip, quarters)) for quarters in (1, 3))
    best = max(turned, key=_readable)
    if _worth(best) < _LEGIBLE:
        return _levelled(lying)
    marks = _rows(_levelled(best))
    # They stand over the card, where they touch nothing that is printed beside them.
    away = max(line.bottom for line in marks) + pixels.shape[0]
    over = [replace(line, top=line.top - away, bottom=line.bottom - away) for line in marks]
    return [*over, *_levelled(lying)]


def _rows(lines: Sequence[Line]) -> list[Line]:
    """Join words of large letters, which are recognized one by one, into their rows."""
    rows: list[Line] = []
    for line in sorted(lines, key=lambda line: line.left):
        row = next((row for row in rows if row.beside(line)), None)
        if row is None:
            rows.append(line)
            continue
        rows[rows.index(row)] = replace(
            row,
            text=f"{row.text} {line.text}",
            right=line.right,
            # A letter at the edge of two boxes that overlap is read in both of them.
            confidence=min(
                row.confidence, line.confidence, _OVERLAP if row.right > line.left else 1
            ),
        )
    return sorted(rows, key=lambda row: row.top)


def _around(seen: Sequence[_DetectedLine]) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the enclosing rectangle with a margin."""
    xs = [x for line in seen for x, _ in line.corners]
    ys = [y for line in seen for _, y in line.corners]
    room = 0.3 * (max(xs) - min(xs))
    left, top, right, bottom = min(xs) - room, min(ys) - room, max(xs) + room, max(ys) + room
    return int(left), int(top), int(right), int(bottom)


def _look(pixels: Any) -> list[_DetectedLine]:  # noqa: ANN401
    numpy = extra("numpy")
    # The models were taught with pictures whose blue comes first.
    output = _engine()(numpy.ascontiguousarray(pixels[:, :, ::-1]))
    if output.txts is None or output.boxes is None:
        return []
    return [
        _DetectedLine(tuple((float(x), float(y)) for x, y in corners), text, float(score))
        for corners, words, score in zip(output.boxes, output.txts, output.scores, strict=False)
        if (text := one_line(words))
    ][:_MAX_LINES]


def _worth(seen: Sequence[_DetectedLine]) -> float:
    """Return the recognition confidence by letter, without vertical lines."""
    letters = sum(len(line.text) for line in seen)
    if sum(line.tall for line in seen) > len(seen) / 2:
        return 0.0
    return sum(line.score * len(line.text) for line in seen) / letters if letters else 0.0


def _readable(seen: Sequence[_DetectedLine]) -> float:
    return _worth(seen) * sum(line.score * len(line.text) for line in seen)


def _levelled(seen: Sequence[_DetectedLine]) -> list[Line]:
    """Return the lines' boxes after turning the picture by their most common angle."""
    if not seen:
        return []
    angle = median(
        math.atan2(line.corners[1][1] - line.corners[0][1], line.corners[1][0] - line.corners[0][0])
        for line in seen
    )
    cos, sin = math.cos(-angle), math.sin(-angle)
    lines: list[Line] = []
    for line in seen:
        xs = [x * cos - y * sin for x, y in line.corners]
        ys = [x * sin + y * cos for x, y in line.corners]
        lines.append(
            Line(
                line.text,
                (xs[0] + xs[3]) / 2,
                (ys[0] + ys[1]) / 2,
                (xs[1] + xs[2]) / 2,
                (ys[2] + ys[3]) / 2,
                line.score,
            )
        )
    return lines


def _paths() -> dict[str, str]:
    spec = extra("importlib.util").find_spec("rapidocr")
    folder = Path(spec.origin).parent / "models"
    return {setting: str(folder / name) for setting, name in MODELS.items()}


@lru_cache(maxsize=1)
def _engine() -> Any:  # noqa: ANN401
    """Return the engine, one for each process. Explicit model paths keep rapidocr from
    downloading.
    """
    settings = {
        **_paths(),
        "Global.use_cls": False,
        "Global.log_level": "error",
        "Global.max_side_len": _SIDE,
        "EngineConfig.onnxruntime.intra_op_num_threads": 2,
    }
    return extra("rapidocr").RapidOCR(params=settings)
