"""Where codes lie in a photo, and pieces of it that the engines can read.

What each way reads, and costs in CPU time, on drawn photos that were not tuned on: 12 megapixels with 20 to 60 boxes,
20-digit Code 128 and some EAN-13, modules of 1.6 to 3 pixels, upside down too. "Easy" is nearly sharp; "typical" has a
blur of 0.9 pixels, noise of 5 grey levels, JPEG 80 and perspective; "hard" 1.4 pixels, half the light, noise of 8,
JPEG 65 and more perspective. Share of the linear codes read at modules of 2 pixels, easy / typical / hard:

    zxing, whole photo     78-84 % / 14-31 % / 0 %      350-800 ms
    zbar, whole photo      82-100 % / 10 % / 0 %        600-1500 ms
    zxing, tiles           86-90 % / 26-40 % / 0 %      700-1500 ms (twice enlarged: 2000-5000 ms, no more read)
    find_regions           finds nearly all             100-150 ms
      cut, twice enlarged  98 % / 41 % / 0 %            1.4 ms a region
      strips, two agree    97 % / 96 % / 7 %            2.5 ms a region
      and fitted           97 % / 96 % / 77-100 %       7-15 ms a region (Code 128; the rest are EAN-13)

At modules of 1.6 pixels the same order reads 100 / 77 / 42 %, zxing 4 / 0 / 0 %. On drawn photos of one symbol (blur,
movement, glare, slant, shadow, little light) the engines together read 27 of 46 drug codes and 24 of 46 GS1-128, with
the regions 41 and 41. Nothing was read wrongly. So: `strips` first and cheap, `fitted` for what they leave. Of 74
matrix codes that zxing does not read in the whole photo, `squares` read 25, in the order given there.
"""

from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np

from scanners.regions_find import find_regions
from scanners.regions_profile import Profile, cut, fitted, profile, strips
from scanners.regions_values import Grey, Piece, Region, smaller
from scanners.values import Reading

__all__ = [
    "Engine",
    "Grey",
    "Piece",
    "Profile",
    "Region",
    "cut",
    "find_regions",
    "fitted",
    "profile",
    "read_pieces",
    "smaller",
    "squares",
    "strips",
]

Engine = Callable[[Grey], list[Reading]]
SIDE = 220  # pixels a matrix code is brought to: 4 to 9 per module
BLURRED = ((SIDE / 55, 0.01), (SIDE / 40, 0.005))  # blurs that are taken off: sigma in pixels, noise power


def squares(grey: Grey, region: Region) -> Iterator[Piece]:
    """A matrix region as pictures that read where the photo does not: the cheapest first."""
    scale = SIDE / max(region.length, region.height)
    piece = cut(grey, region, scale=(scale, scale))

    def as_piece(picture: Grey, name: str) -> Piece:
        return Piece(picture, piece.to_photo, name)

    yield as_piece(piece.grey, "matrix")
    soft = cv2.GaussianBlur(piece.grey, (0, 0), 1)
    block = int(min(piece.grey.shape) * 0.2) | 1
    method = cv2.ADAPTIVE_THRESH_GAUSSIAN_C
    yield as_piece(
        np.asarray(cv2.adaptiveThreshold(soft, 255, method, cv2.THRESH_BINARY, block, 4), np.uint8), "thresholded"
    )
    for sigma, noise in BLURRED:
        yield as_piece(_deblurred(piece.grey, sigma, noise), f"deblurred {sigma:g}")
    yield as_piece(np.asarray(cv2.morphologyEx(piece.grey, cv2.MORPH_OPEN, np.ones((3, 3))), np.uint8), "opened")


def _deblurred(grey: Grey, sigma: float, noise: float) -> Grey:
    """A picture with a Gaussian blur taken off by Wiener's filter, stretched from black to white."""
    border = int(4 * sigma) + 4
    wide = cv2.copyMakeBorder(grey, border, border, border, border, cv2.BORDER_REFLECT).astype(np.float32)
    down = 2 * np.pi * np.fft.fftfreq(wide.shape[0])[:, None]
    along = 2 * np.pi * np.fft.rfftfreq(wide.shape[1])[None]
    blur = np.exp(-0.5 * sigma**2 * (down**2 + along**2))
    sharp = np.fft.irfft2(np.fft.rfft2(wide - wide.mean()) * blur / (blur**2 + noise), wide.shape)
    sharp = sharp[border:-border, border:-border]
    low, high = np.quantile(sharp, (0.02, 0.98))
    clear: Grey = np.clip((sharp - low) / (high - low + 1e-3) * 255, 0, 255).astype(np.uint8)
    return clear


def read_pieces(pieces: Iterable[Piece], engine: Engine) -> list[Reading]:
    """What an engine reads in each piece, with corners in the photo's pixels."""
    return [piece.in_photo(reading) for piece in pieces for reading in engine(piece.grey)]
