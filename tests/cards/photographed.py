"""How a printed card comes into a file: scanned, crooked, blurred, in shadow, on a table."""

from __future__ import annotations

import random
from collections.abc import Callable

from PIL import Image, ImageFilter

Picture = Image.Image


def scanned(picture: Picture, _rng: random.Random) -> Picture:
    return picture


def noisy(picture: Picture, rng: random.Random) -> Picture:
    grain = noise(picture.size, 40, rng).convert("RGB")
    return Image.blend(picture, grain, 0.18)


def blurred(picture: Picture, rng: random.Random) -> Picture:
    return picture.filter(ImageFilter.GaussianBlur(rng.uniform(1.2, 1.8)))


def small(picture: Picture, _rng: random.Random) -> Picture:
    return picture.resize(
        (picture.width * 6 // 10, picture.height * 6 // 10), Image.Resampling.BICUBIC
    )


def large(picture: Picture, _rng: random.Random) -> Picture:
    return picture.resize((picture.width * 2, picture.height * 2), Image.Resampling.BICUBIC)


def crooked(picture: Picture, rng: random.Random) -> Picture:
    angle = rng.choice([-1, 1]) * rng.uniform(2, 7)
    return picture.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor="#d8d8d8")


def shaded(picture: Picture, _rng: random.Random) -> Picture:
    """A shadow over one side, and not enough light."""
    ramp = Image.linear_gradient("L").rotate(90).resize(picture.size).point(lambda v: 90 + v * 0.6)
    return Image.composite(picture, Image.new("RGB", picture.size, "black"), ramp)


def on_a_table(picture: Picture, rng: random.Random) -> Picture:
    """From the side, on wood."""
    return on_table([picture], rng, (1600, 1200))


def on_its_head(picture: Picture, _rng: random.Random) -> Picture:
    return picture.transpose(Image.Transpose.ROTATE_180)


def sideways(picture: Picture, rng: random.Random) -> Picture:
    ways = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270)
    return picture.transpose(rng.choice(ways))


def on_table(pictures: list[Picture], rng: random.Random, size: tuple[int, int]) -> Picture:
    """Cards lying on a table, each a bit turned and seen from the side."""
    table = wood(size, rng)
    columns = 1 if len(pictures) == 1 else 2
    rows = -(-len(pictures) // columns)
    cell = (size[0] // columns, size[1] // rows)
    for number, picture in enumerate(pictures):
        corner = (number % columns * cell[0], number // columns * cell[1])
        lay(table, picture, corner, cell, rng)
    return table


def lay(table: Picture, picture: Picture, corner, cell, rng: random.Random) -> None:
    scale = 0.8 * min(cell[0] / picture.width, cell[1] / picture.height)
    wide, high = picture.width * scale, picture.height * scale
    left, top = corner[0] + (cell[0] - wide) / 2, corner[1] + (cell[1] - high) / 2
    far = rng.uniform(0.02, 0.06) * wide
    lean = rng.uniform(-0.05, 0.05) * high
    target = [
        (left + far, top + lean), (left + wide - far, top - lean),
        (left + wide, top + high - lean), (left, top + high + lean),
    ]  # fmt: skip
    weights = perspective(target, [(0, 0), (picture.width, 0), picture.size, (0, picture.height)])
    how = (table.size, Image.Transform.PERSPECTIVE, weights, Image.Resampling.BICUBIC)
    mask = Image.new("L", picture.size, 255).transform(*how)
    shadow = mask.filter(ImageFilter.GaussianBlur(12)).point(lambda v: v // 2)
    table.paste("black", (6, 10), shadow)
    table.paste(picture.transform(*how), (0, 0), mask)


def noise(size: tuple[int, int], deviation: float, rng: random.Random) -> Picture:
    """Grey grain, the same for the same numbers; Pillow's own noise is another each time."""
    # Octets spread evenly deviate by 74.
    even = Image.frombytes("L", size, rng.randbytes(size[0] * size[1]))
    return even.point(lambda value: int(128 + (value - 128) * deviation / 74))


def wood(size: tuple[int, int], rng: random.Random) -> Picture:
    grain = noise((size[0] // 40, size[1]), 60, rng).resize(size, Image.Resampling.BICUBIC)
    light, deep = rng.choice(
        [("#b08050", "#6b4423"), ("#5b5b60", "#303036"), ("#8a5a33", "#4a2c17")]
    )
    return Image.composite(Image.new("RGB", size, light), Image.new("RGB", size, deep), grain)


def perspective(target, source) -> list[float]:
    """The eight weights by which Pillow finds for a point of the target its point in the source."""
    rows: list[list[float]] = []
    values: list[float] = []
    for (x, y), (u, v) in zip(target, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return solved(rows, values)


def solved(rows: list[list[float]], values: list[float]) -> list[float]:
    """Gauss, with the largest number of the column first."""
    table = [[*row, value] for row, value in zip(rows, values, strict=True)]
    for n in range(len(table)):
        best = max(range(n, len(table)), key=lambda row: abs(table[row][n]))
        table[n], table[best] = table[best], table[n]
        table[n] = [value / table[n][n] for value in table[n]]
        for row in range(len(table)):
            if row != n:
                times = table[row][n]
                table[row] = [a - times * b for a, b in zip(table[row], table[n], strict=True)]
    return [row[-1] for row in table]


TAKEN: tuple[Callable[[Picture, random.Random], Picture], ...] = (
    *(scanned, noisy, blurred, small, large, crooked),
    *(shaded, on_a_table, on_its_head, sideways, on_a_table, scanned),
)
QUALITY = (95, 80, 85, 92, 70, 80, 75, 85, 80, 80, 60, 30)
