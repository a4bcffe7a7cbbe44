"""What is believed: a wrong reading is worse than none.

A reading counts when its symbology protects it well by itself (error correction) or when two
independent attempts agree: two engines, or one engine on two different preparations. An EAN's single check digit
lets one misread in ten through, so it needs agreement too, or the word of our templates, which weigh every number
against all others before they speak.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from scanners import zbar
from scanners.bars import has_quiet_zones, same_bars
from scanners.places import NEAR, about, holds_middle, is_line, is_point, overlap, place, surroundings, touch
from scanners.regions import Grey
from scanners.values import CHECKSUM, EAN_UPC, LINEAR, SELF_CHECKING, Doubt, Doubtful, Reading, has_right_check_digit

# What the templates' word weighs on blurred bars, in witnesses: they weigh every number against all others.
TEMPLATES = 7
STRIP = "strip"  # how the names of preparations begin that are averages along the bars
LONG = 8  # characters of a Code 128 that all its bars, fitted at once, may prove alone (see `regions_fit`)
RUNE = "]zC"  # an Aztec Rune: one byte in a square that patches of other matrix codes look like
SHORTEST_ITF = 6  # digits
COVERED = 0.5  # of a region or a reading that the other must cover to be the same symbol

# The pairs of extended Code 39 (ISO/IEC 16388, annex A): a sign and a letter from A on stand for one character.
_CODE39_SETS = {
    "$": "".join(map(chr, range(1, 27))),
    "%": "\x1b\x1c\x1d\x1e\x1f;<=>?[\\]^_{|}~\x7f\x00@`\x7f\x7f\x7f",
    "/": "!\"#$%&'()*+,-./0123456789:",
    "+": "abcdefghijklmnopqrstuvwxyz",
}
_CODE39_PAIR = re.compile(r"([$%/+])([A-Z])")


@dataclass(slots=True)
class Case:
    """One symbol in the photo: its best reading and who else saw the same."""

    reading: Reading
    witnesses: set[tuple[str, str]] = field(default_factory=set)  # (engine, preparation)
    cuts: list[tuple[str, bool]] = field(default_factory=list)  # (engine, whether bars go on beyond the ends it told)

    @property
    def is_fragment(self) -> bool:
        """Whether its ends seem not to be the ends of the bars: as many looks or more say so as do not.

        One look may slip off the bars of a leaning code; of ZBar's upright boxes about leaning codes all do, so they
        count only where nobody else has told ends.
        """
        told = [cut for engine, cut in self.cuts if engine != zbar.NAME] or [cut for _, cut in self.cuts]
        return bool(told) and 2 * sum(told) >= len(told)


class Evidence:
    """Collects readings of one photo, attempt by attempt."""

    def __init__(self, grey: Grey | None = None) -> None:
        self.cases: list[Case] = []
        self._grey = grey
        self._believed: list[Reading] | None = None

    def add(self, readings: Iterable[Reading], preparation: str) -> None:
        """Take in what one attempt (an engine on one preparation) read."""
        for reading in map(normalised, readings):
            self._believed = None
            case = next((c for c in self.cases if self._is_same(c.reading, reading)), None)
            if case is None:
                case = Case(reading)
                self.cases.append(case)
            elif reading.identifier and not case.reading.identifier:
                case.reading = reading  # the engine that knows more about the symbol describes it
            if reading.symbology == "ITF" and self._grey is not None and not is_point(reading):
                case.cuts.append((reading.engine, not has_quiet_zones(self._grey, reading)))
            case.witnesses.add((reading.engine, preparation))

    def _is_same(self, one: Reading, other: Reading) -> bool:
        if _number(one) != _number(other):
            return False
        if touch(one, other):
            return True
        linear = one.symbology in LINEAR and other.symbology in LINEAR
        return linear and self._grey is not None and same_bars(self._grey, one, other)

    def believed(self) -> list[Reading]:
        """The readings that count, without contradictions and without fragments of longer codes."""
        if self._believed is None:
            self._believed = self._weigh()
        return self._believed

    def _weigh(self) -> list[Reading]:
        good = [case for case in self.cases if is_believed(case) and not self.is_disputed(case)]
        return [case.reading for case in good if not any(outdoes(other, case) for other in good if other is not case)]

    def explains(self, quad: NDArray[np.float64]) -> bool:
        """Whether something believed lies in a region: one of them covers half of the other, or more."""
        region = about(quad.tolist())
        return any(overlap(surroundings(reading), region) > COVERED for reading in self.believed())

    def unsure(self) -> list[Reading]:
        """What was read, holds together, and lacks a second witness."""
        believed = self.believed()
        return [
            case.reading
            for case in self.cases
            if not any(touch(case.reading, good) for good in believed)
            and self._doubt(case) not in (Doubt.CHECK_DIGIT, Doubt.FRAGMENT)
        ]

    def doubtful(self) -> list[Doubtful]:
        """What was read and is not believed, with the reason; nothing that lies on a believed reading's bars.

        Of one place only what is seen best is told, and the numbers that dispute it. Very short Interleaved 2 of 5 are
        not told: any lines of print read as some.
        """
        believed = self.believed()
        told: list[Case] = []
        for case in sorted(self.cases, key=_weight, reverse=True):
            stands_apart = not any(touch(case.reading, good) or _is_part(case, good) for good in believed)
            if stands_apart and _is_worth_telling(case) and not any(self._is_told_by(other, case) for other in told):
                told.append(case)
        return [Doubtful(case.reading, self._doubt(case)) for case in self.cases if case in told]

    def _is_told_by(self, told: Case, case: Case) -> bool:
        if {self._doubt(told), self._doubt(case)} == {Doubt.DISPUTED}:
            return False
        one, other = told.reading, case.reading
        return touch(one, other) and (other.text in one.text or holds_middle(one, other) or holds_middle(other, one))

    def _doubt(self, case: Case) -> Doubt:
        if case.reading.symbology in EAN_UPC and not has_right_check_digit(_number(case.reading)):
            return Doubt.CHECK_DIGIT
        if _is_itf14(case.reading) and not has_right_check_digit(case.reading.text):
            return Doubt.CHECK_DIGIT
        if case.is_fragment:
            return Doubt.FRAGMENT
        # What would be believed if nothing else had been read there just as often is disputed as well.
        return Doubt.DISPUTED if self.is_disputed(case) or is_believed(case) else Doubt.ALONE

    def is_open(self, reading: Reading) -> bool:
        """Whether a reading still lacks a second witness, or anybody read another number off the same bars."""
        case = next((case for case in self.cases if self._is_same(case.reading, normalised(reading))), None)
        return case is None or not is_believed(case) or bool(self._rivals(case))

    def _rivals(self, case: Case) -> list[Case]:
        return [other for other in self.cases if other is not case and _is_rival(other.reading, case.reading)]

    def is_disputed(self, case: Case) -> bool:
        """Whether other EAN or UPC numbers were read off the same bars about as often.

        On a blurred photo two engines may agree on a wrong number with a right check digit; other attempts then read
        other wrong numbers there, while sharp bars give one number only.
        """
        if case.reading.symbology not in EAN_UPC:
            return False
        return _votes(case) <= 2 * sum(map(_votes, self._rivals(case)))


def _votes(case: Case) -> int:
    """How many attempts read it; the templates count for more."""
    return sum(TEMPLATES if engine == "templates" else 1 for engine, _ in case.witnesses)


def is_believed(case: Case) -> bool:
    """Whether the evidence for a reading is enough (see the module)."""
    reading = case.reading
    if _is_blank(reading) or reading.identifier == RUNE:
        return False
    engines = {engine for engine, _ in case.witnesses}
    if reading.symbology in SELF_CHECKING:
        return True
    if reading.symbology in CHECKSUM:
        return len(case.witnesses) >= 2 or (len(reading.text) >= LONG and ("zxing", "fitted") in case.witnesses)
    agreed = len(engines) >= 2
    if reading.symbology in EAN_UPC:
        # OpenCV and ZBar repeat their own mistakes; a UPC-E is so short that stripes in a picture read as one.
        lone = "templates" in engines or (engines == {"zxing"} and len(_looks(case)) >= 2)
        return has_right_check_digit(_number(reading)) and (agreed or (lone and reading.symbology != "UPC-E"))
    if reading.symbology == "ITF":
        # No check of its own, and any part of a longer one reads as a shorter one.
        whole = {engine for engine, preparation in case.witnesses if not preparation.startswith(STRIP)}
        if case.is_fragment or len(reading.text) < SHORTEST_ITF:
            return False
        if _is_itf14(reading):
            return has_right_check_digit(reading.text) and len(case.witnesses) >= 2
        return len(whole) >= 2
    return len(_looks(case)) >= 2


def _is_itf14(reading: Reading) -> bool:
    return reading.symbology == "ITF" and len(reading.text) == 14


def _is_worth_telling(case: Case) -> bool:
    reading = case.reading
    return not _is_blank(reading) and not (reading.symbology == "ITF" and len(reading.text) < SHORTEST_ITF)


def _weight(case: Case) -> tuple[int, int]:
    return _votes(case), len(case.reading.text)


def _looks(case: Case) -> set[tuple[str, str]]:
    """The witnesses that saw different things: all pictures of the whole show the same bars, where one engine errs.

    Strips do differ: averages along the bars, from which more and more blur is taken.
    """
    return {(engine, preparation if preparation.startswith(STRIP) else "") for engine, preparation in case.witnesses}


def normalised(reading: Reading) -> Reading:
    """UPC-A read as an EAN-13 with a leading zero is one code; it is told as the 12-digit one it is."""
    if reading.symbology == "EAN-13" and reading.text.startswith("0") and len(reading.text) == 13:
        return replace(reading, symbology="UPC-A", text=reading.text[1:])
    return reading


def _number(reading: Reading) -> str:
    """What the engines agree on where they tell one symbol in different forms.

    ZBar tells a UPC-E by the EAN-13 it stands for (zxing has that as the bytes beside the eight digits), and an
    extended Code 39 by its character pairs ("+A" for "a").
    """
    if reading.symbology in EAN_UPC:
        return reading.raw.decode("ascii", "replace").zfill(13)
    if reading.symbology == "Code39":
        return plain_code39(reading.text)
    return reading.text or reading.raw.hex()


def _is_blank(reading: Reading) -> bool:
    """Whether there is nothing in it: bytes in an unknown character set are something, though no text."""
    return not (reading.text.strip() or reading.raw.strip())


def plain_code39(text: str) -> str:
    """The characters that the pairs of an extended Code 39 stand for; an engine may have done so already."""
    return _CODE39_PAIR.sub(lambda pair: _CODE39_SETS[pair[1]][ord(pair[2]) - ord("A")], text)


def _is_rival(one: Reading, other: Reading) -> bool:
    """Whether both are EAN or UPC numbers that hold together, and the middle of one lies within the other."""
    if one.symbology not in EAN_UPC or not (holds_middle(one, other) or holds_middle(other, one)):
        return False
    return has_right_check_digit(_number(one))


def _is_rival_line(one: Reading, other: Reading) -> bool:
    """Whether both are linear and lie on the same bars."""
    if one.symbology not in LINEAR or other.symbology not in LINEAR:
        return False
    return holds_middle(one, other) and holds_middle(other, one)


def outdoes(strong: Case, weak: Case) -> bool:
    """Whether `strong` says something else at the same place with better evidence, or holds `weak` as a fragment."""
    if strong.reading.text == weak.reading.text and strong.reading.symbology == weak.reading.symbology:
        return False
    if not touch(strong.reading, weak.reading):
        return False
    one, other = strong.reading.text, weak.reading.text
    if one != other and (other in one or one in other):
        return other in one  # a fragment never outdoes the whole, however often it was read
    if _is_rival_line(strong.reading, weak.reading):
        return len(strong.witnesses) >= len(weak.witnesses)  # seen equally often neither counts
    if is_line(strong.reading) or strong.reading.symbology == weak.reading.symbology:
        return len(strong.witnesses) > len(weak.witnesses)
    return len(strong.witnesses) > len(weak.witnesses) and _covers(strong.reading, weak.reading)


def _covers(one: Reading, other: Reading) -> bool:
    return overlap(place(one), place(other)) > COVERED


def _is_part(case: Case, whole: Reading) -> bool:
    """Whether a case is a part of what was read, on scan lines of the same bars above or below."""
    return case.reading.text in whole.text and touch(case.reading, whole, 4 * NEAR * max(place(whole)[1]))
