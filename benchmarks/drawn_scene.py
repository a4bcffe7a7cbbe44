"""From printed things to a photo: laid into a scene, lit, seen through a lens, taken down by a sensor, stored as JPEG.

The order is a camera's. Every step takes and gives light as floating point, 0 to 255, without clipping before the end.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.drawn_sheets import Points, Rng, Sheet, square

Plane = NDArray[np.float32]  # light, 0 to 255
Matrix = NDArray[np.float64]  # a homography
FINE = 2  # the picture is laid out at this many times its size


def ground(width: int, height: int, rng: Rng) -> Plane:
    """An uneven background: cloudy, lighter to one side, with a few dark joints as between boards."""
    clouds = rng.normal(0, 1, (height // 90 + 2, width // 90 + 2)).astype(np.float32)
    light: Plane = 125 + 22 * cv2.resize(clouds, (width, height), interpolation=cv2.INTER_CUBIC)
    light += np.linspace(-1, 1, width, dtype=np.float32)[None] * rng.uniform(-30, 30)
    for _ in range(3):
        x, slope = rng.uniform(0, width), rng.uniform(-0.2, 0.2)
        cv2.line(light, (int(x), 0), (int(x + slope * height), height), float(rng.uniform(50, 90)), 5)
    return light


def lay(photo: Plane, sheet: Sheet, matrix: Matrix) -> list[Points]:
    """Put a sheet into the photo by a homography (sheet pixels to photo pixels): where its symbols' corners are now."""
    height, width = sheet.light.shape
    outline = cv2.perspectiveTransform(square(0, 0, width, height)[None], matrix)[0]
    (x0, y0), (x1, y1) = np.floor(outline.min(0)).astype(int) - 1, np.ceil(outline.max(0)).astype(int) + 2
    x0, y0, x1, y1 = max(0, x0), max(0, y0), min(photo.shape[1], x1), min(photo.shape[0], y1)
    into = np.diag((FINE, FINE, 1.0)) @ np.array([(1, 0, -x0), (0, 1, -y0), (0, 0, 1.0)]) @ matrix
    size = ((x1 - x0) * FINE, (y1 - y0) * FINE)
    light = cv2.warpPerspective(sheet.light, into, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpPerspective(np.full_like(sheet.light, 255), into, size, flags=cv2.INTER_LINEAR)
    light, cover = (cv2.resize(p, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA) for p in (light, cover))
    under, share = photo[y0:y1, x0:x1], cover.astype(np.float32) / 255
    under[:] = under * (1 - share) + light * share
    return [cv2.perspectiveTransform(corners[None], matrix)[0] for corners in sheet.corners]


def placed(sheet: Sheet, centre: tuple[float, float], degrees: float, scale: float) -> Matrix:
    """The sheet's middle to `centre`, turned counter-clockwise, made smaller by `scale`."""
    height, width = sheet.light.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    turn[:, 2] += np.array(centre) - (width / 2, height / 2)
    return np.vstack([turn, (0, 0, 1)])


def tilted(width: float, height: float, degrees: float, towards: float) -> Matrix:
    """A plane of this size leaning back about an axis through its middle, seen from 2.4 widths away."""
    lean, distance = np.radians(degrees), 2.4 * width
    away, along = np.array([np.cos(towards), np.sin(towards)]), np.array([-np.sin(towards), np.cos(towards)])
    middle = np.array([width / 2, height / 2])
    flat = square(0, 0, int(width), int(height))
    seen = []
    for point in flat - middle:
        depth = float(point @ away)
        nearer = distance / (distance + depth * np.sin(lean))
        seen.append(middle + nearer * (along * float(point @ along) + away * depth * np.cos(lean)))
    return np.asarray(cv2.getPerspectiveTransform(flat, np.array(seen, dtype=np.float32)), dtype=np.float64)


# ---- light, lens, sensor, file -------------------------------------------------------------------------------------


def defocused(photo: Plane, radius: float) -> Plane:
    """Convolved with a disk, its edge soft by a pixel: a lens out of focus."""
    reach = int(np.ceil(radius)) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    return np.asarray(cv2.filter2D(photo, -1, disk / disk.sum(), borderType=cv2.BORDER_REPLICATE), dtype=np.float32)


def smeared(photo: Plane, length: float, angle: float) -> Plane:
    """Convolved with a line: the hand moved while the shutter was open."""
    reach = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), dtype=np.float32)
    for step in np.linspace(-length / 2, length / 2, 8 * reach):
        x, y = reach + step * np.cos(angle), reach + step * np.sin(angle)
        left, top = int(x), int(y)
        for across, down in ((0, 0), (0, 1), (1, 0), (1, 1)):
            weight = (1 - abs(x - left - across)) * (1 - abs(y - top - down))
            kernel[top + down, left + across] += weight
    return np.asarray(cv2.filter2D(photo, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE), np.float32)


def glared(photo: Plane, centre: Points, reach: float, rng: Rng) -> Plane:
    """A lamp mirrored in foil: an ellipse that is white in the middle and fades."""
    y, x = np.mgrid[: photo.shape[0], : photo.shape[1]].astype(np.float32)
    angle = rng.uniform(0, np.pi)
    along = (x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle)
    across = (y - centre[1]) * np.cos(angle) - (x - centre[0]) * np.sin(angle)
    spot: Plane = np.exp(-(((along / reach) ** 2 + (across / (0.5 * reach)) ** 2) ** 2))
    return photo + 420 * spot


def shaded(photo: Plane, centre: Points, rest: float, angle: float) -> Plane:
    """The edge of a shadow through `centre`: beyond it `rest` of the light is left."""
    y, x = np.mgrid[: photo.shape[0], : photo.shape[1]].astype(np.float32)
    beyond = (x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle)
    lit: Plane = 1 / (1 + np.exp(-np.clip(beyond / 5, -30, 30)))
    return photo * (rest + (1 - rest) * lit)


def underexposed(photo: Plane, exposure: float, rng: Rng) -> Plane:
    """Little light, amplified to half brightness: photon and reading noise grow with it."""
    electrons = rng.poisson(np.clip(photo, 0, None) * exposure * 1.5) / 1.5
    return np.asarray((electrons + rng.normal(0, 2.5, photo.shape)) * (0.5 / exposure), dtype=np.float32)


def file(photo: Plane, noise: float, quality: int, rng: Rng) -> bytes:
    """The sensor's noise (standard deviation, of 255), then whole numbers, then a JPEG of this quality."""
    noisy = photo + rng.standard_normal(photo.shape, dtype=np.float32) * noise
    pixels = np.clip(noisy, 0, 255).astype(np.uint8)
    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return bytes(data)
