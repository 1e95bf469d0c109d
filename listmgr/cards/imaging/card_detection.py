"""Detect the cards in a photo by their corners, and flatten each."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from listmgr.cards.imaging.optional_deps import extra

# A card as wide as this is read well; letters of addresses are then about 20 pixels high.
_WIDTH = 1200
_SEARCHED = 800
MAX_CARDS_IN_A_PICTURE = 12
# Shapes between a slim card and a folded one; Europe's is 85 to 55.
_LEAST_SHAPE, _MOST_SHAPE = 1.25, 2.4
_LEAST_AREA, _MOST_AREA = 0.02, 0.97
# How broad the rim of a photo is that shows the table; and how many times farther from its colour
# than half of it a card is: grain strays less, and a dark blue card on dark wood more.
_RIM = 24
_WANDERS = 12

Corners = list[tuple[float, float]]


def cards_in(pixels: Any) -> list[Any]:  # noqa: ANN401 - numpy's arrays
    """Return each card flattened; empty if none stands out from its background."""
    corners = _outlines(pixels)
    if len(corners) == 1 and _may_be_a_panel(pixels, corners[0]):
        return []
    return [_flat(pixels, outline) for outline in corners]


def _outlines(pixels: Any) -> list[Corners]:  # noqa: ANN401
    cv2 = extra("cv2")
    scale = _SEARCHED / max(pixels.shape[:2])
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    area = float(small.shape[0] * small.shape[1])
    outlines: list[tuple[float, Corners]] = []
    for mask in _masks(small):
        contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        for contour in contours:
            share = cv2.contourArea(contour) / area
            if _LEAST_AREA < share < _MOST_AREA and (four := _four(contour)):
                outlines.append((share, [(x / scale, y / scale) for x, y in four]))
    return _distinct(outlines)


def _masks(small: Any) -> list[Any]:  # noqa: ANN401
    """Return masks of edges and of areas lighter, darker or of another colour than the table."""
    cv2, numpy = extra("cv2"), extra("numpy")
    grey = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (5, 5), 0)
    five = numpy.ones((5, 5), numpy.uint8)
    masks = []
    for low in (20, 60):
        edges = cv2.Canny(grey, low, low * 3)
        masks.append(cv2.morphologyEx(edges, cv2.MORPH_CLOSE, five))
    _, light = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    wide = numpy.ones((15, 15), numpy.uint8)
    masks.append(cv2.morphologyEx(light, cv2.MORPH_CLOSE, wide))
    masks.append(cv2.morphologyEx(cv2.bitwise_not(light), cv2.MORPH_CLOSE, wide))
    clean = cv2.morphologyEx(_of_another_colour(small), cv2.MORPH_OPEN, five)
    masks.append(cv2.morphologyEx(clean, cv2.MORPH_CLOSE, wide))
    return masks


def _of_another_colour(small: Any) -> Any:  # noqa: ANN401
    """Return the mask of what differs from the photo's border in colour only, such as a dark blue
    card on dark wood.
    """
    cv2, numpy = extra("cv2"), extra("numpy")
    lab = cv2.cvtColor(cv2.GaussianBlur(small, (5, 5), 0), cv2.COLOR_RGB2LAB)
    colour = lab[:, :, 1:].astype(numpy.float32)
    sides = (colour[:_RIM], colour[-_RIM:], colour[:, :_RIM], colour[:, -_RIM:])
    rim = numpy.concatenate([side.reshape(-1, 2) for side in sides])
    table = numpy.median(rim, axis=0)
    wanders = numpy.maximum(numpy.median(abs(rim - table), axis=0), 1)
    away = (((colour - table) / wanders) ** 2).sum(axis=2)
    return (away > _WANDERS**2).astype(numpy.uint8) * 255


def _four(contour: Any) -> Corners | None:  # noqa: ANN401
    """Return the four corners of a contour, or None if it is no card's."""
    cv2 = extra("cv2")
    hull = cv2.convexHull(contour)
    about = cv2.arcLength(hull, closed=True)
    rough = cv2.approxPolyDP(hull, 0.03 * about, closed=True)
    if len(rough) != 4 or cv2.contourArea(rough) < 0.9 * cv2.contourArea(hull):
        return None
    if cv2.contourArea(contour) < 0.8 * cv2.contourArea(hull):
        return None
    four = _in_order([(float(x), float(y)) for x, y in rough.reshape(4, 2)])
    wide, high = _sides(four)
    return (
        four if _LEAST_SHAPE < max(wide, high) / max(min(wide, high), 1.0) < _MOST_SHAPE else None
    )


def _in_order(points: Corners) -> Corners:
    """Order corners clockwise, from the one nearest the picture's upper left."""
    x, y = sum(p[0] for p in points) / 4, sum(p[1] for p in points) / 4
    turned = sorted(points, key=lambda p: math.atan2(p[1] - y, p[0] - x))
    first = min(range(4), key=lambda n: sum(turned[n]))
    return turned[first:] + turned[:first]


def _sides(four: Corners) -> tuple[float, float]:
    """Return width and height, each the longer of two opposite sides."""
    lengths = [math.dist(corner, other) for corner, other in pairwise([*four, four[0]])]
    return max(lengths[0], lengths[2]), max(lengths[1], lengths[3])


def _distinct(outlines: list[tuple[float, Corners]]) -> list[Corners]:
    """Return one outline for each card: the largest of those with the same centre."""
    kept: list[Corners] = []
    for _, four in sorted(outlines, key=lambda outline: -outline[0]):
        if not any(_overlap(four, other) for other in kept):
            kept.append(four)
    kept.sort(key=lambda four: (round(four[0][1] / 200), four[0][0]))
    return kept[:MAX_CARDS_IN_A_PICTURE]


def _overlap(outline: Corners, other: Corners) -> bool:
    return _holds(other, _middle(outline)) or _holds(outline, _middle(other))


def _middle(four: Corners) -> tuple[float, float]:
    return sum(p[0] for p in four) / 4, sum(p[1] for p in four) / 4


def _holds(four: Corners, point: tuple[float, float]) -> bool:
    cv2, numpy = extra("cv2"), extra("numpy")
    inside = cv2.pointPolygonTest(numpy.array(four, numpy.float32), point, measureDist=False)
    return float(inside) >= 0


def _may_be_a_panel(pixels: Any, four: Corners) -> bool:  # noqa: ANN401
    """Whether the picture itself may be the card, and the outline a coloured panel on it."""
    high, wide = (float(side) for side in pixels.shape[:2])
    shape = max(high, wide) / min(high, wide)
    four_wide, four_high = _sides(four)
    return 1.45 < shape < 1.9 and four_wide * four_high < 0.5 * high * wide


def _flat(pixels: Any, four: Corners) -> Any:  # noqa: ANN401
    """Return the card as a scanner would see it, in landscape format."""
    cv2, numpy = extra("cv2"), extra("numpy")
    wide, high = _sides(four)
    if high > wide:
        four, wide, high = [*four[1:], four[0]], high, wide
    width = int(min(_WIDTH, max(wide, 200)))
    height = max(int(width * high / wide), 20)
    target = numpy.array([(0, 0), (width, 0), (width, height), (0, height)], numpy.float32)
    matrix = cv2.getPerspectiveTransform(numpy.array(four, numpy.float32), target)
    return cv2.warpPerspective(pixels, matrix, (width, height), flags=cv2.INTER_AREA)
