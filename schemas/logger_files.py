"""What temperature loggers write as CSV: many makers, many shapes, one reading of them.

A file has some lines about the logger, one line of headings, then one line a reading. It may be UTF-8, UTF-16 or
GB18030; its fields are parted by commas, semicolons or tabs; degrees are Celsius or Fahrenheit; date and time stand in
one column or two. Nothing is guessed: what may mean two things is refused with a sentence.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from schemas.logger_times import Written, as_moments, read_time
from schemas.sheets import decoded_text
from trace.domain.characters import find_unreadable, half_width
from trace.domain.climate import Reading
from trace.domain.failures import N_, Invalid, TooLarge

_SEPARATORS = "\t;,；，|"
_HEAD = 100  # lines within which the headings stand
_WIDEST = 200  # fields of a line
_LONGEST = 4_000  # characters of a line
_COLDEST, _WARMEST = -20_000, 15_000  # hundredths of a degree; what a broken probe tells lies outside (999.9)
_NUMBER = re.compile(r"([-+−]?\d{1,4})(?:[.,](\d{1,6}))?\s*(°?\s*[CF]|[℃℉]|%\s*(?:RH)?|RH)?", re.IGNORECASE)
_MOMENT_NAMES = re.compile(r"(?i)日期[/ 和]?时间|date\s*[/&+ _-]*time|timestamp|datetime")
_DATE_NAMES = re.compile(r"(?i)日期|^date|年月日")
_TIME_NAMES = re.compile(r"(?i)时间|时刻|时分秒|\btime\b")
_NO_TIME = re.compile(r"(?i)时长|耗时|elapsed|报警|上传|接收|开始|结束|时区|间隔|interval|zone")
_CELSIUS_NAMES = re.compile(r"(?i)温度|temp|℃|°\s*[cf]\b|℉|celsius|fahrenheit")
_HUMIDITY_NAMES = re.compile(r"(?i)湿度|humi|%\s*rh|\brh\b|rh%")
_NO_READING = re.compile(
    r"(?i)上限|下限|限值|警|露点|设定|状态|最高|最低|最大|最小|平均|范围|单位"
    r"|limit|alarm|dew|\bset|status|state|\bmax|\bmin|\bavg|average|mean|range|unit|\bmkt\b"
)
_FAHRENHEIT = re.compile(r"(?i)℉|°\s*f\b|fahrenheit|华氏|\(\s*f\s*\)")
_UNIT_LINE = re.compile(r"(?i)温度单位|temp\w*\s*unit|^unit")
_LOGGER = re.compile(r"(?i)序列号|(设备|仪器|记录仪|主机|产品)(编)?号|serial|\bs/?n\b|device\s*id|logger\s*id|设备id")


@dataclass(frozen=True, slots=True)
class LoggerFile:
    """The readings of a file in order of time, the logger's number ("" where none is told), and how many lines have a
    time but no reading (a probe that failed)."""

    readings: tuple[Reading, ...]
    logger: str
    missing: int


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where in a line what stands: the time in one column or two, the probes, the humidity."""

    times: tuple[int, ...]
    probes: tuple[int, ...]
    fahrenheit: bool
    humidity: int | None


def read_logger_file(data: bytes, *, most_bytes: int, most_rows: int, zone: tzinfo, now: datetime) -> LoggerFile:
    """The readings of a logger's CSV; times without an offset are of the `zone`.

    A file of several probes gives one reading a probe and line: each of them counts. Raises `TooLarge` for more bytes
    or lines than are read, `Invalid` with the line at fault for what is no such file or may mean two things.
    """
    if len(data) > most_bytes:
        text = N_("The file has {came} MB; at most {most} MB are read. Send it in parts.")
        raise TooLarge(text, field="file", came=f"{len(data) / 1e6:.1f}", most=f"{most_bytes / 1e6:g}")
    if data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF"):
        raise Invalid(N_("This is a workbook or a PDF. Save the log from the logger's program as CSV."), field="file")
    lines = decoded_text(data).lstrip("\ufeff").splitlines()
    if len(lines) > most_rows + _HEAD:
        text = N_("The file has {came} lines; at most {most} readings are read. Send it in parts.")
        raise TooLarge(text, field="file", came=len(lines), most=most_rows)
    _check_lines(lines)
    separator, head, columns = _headings(lines)
    below = _below(lines, separator, head, columns)
    rows = [(number, written, cells) for number, written, cells in below if written is not None]
    if not rows:
        raise Invalid(N_("There are no readings below the headings."), field="file")
    moments = as_moments([written for _, written, _ in rows], zone=zone, now=now)
    readings, missing = [], 0
    for (number, _, cells), moment in zip(rows, moments, strict=True):
        found = list(_readings(number, cells, columns, moment))
        readings += found
        missing += not found
    if not readings:
        raise Invalid(N_("No line of the file has a temperature."), field="file")
    readings.sort(key=lambda reading: reading.at)
    return LoggerFile(tuple(readings), _logger(lines[:head], separator), missing)


def _check_lines(lines: Sequence[str]) -> None:
    for number, line in enumerate(lines, 1):
        if len(line) > _LONGEST:
            text = N_("Line {line} has more than {most} characters: this is no log of readings.")
            raise Invalid(text, field="file", line=number, most=_LONGEST)


def _headings(lines: Sequence[str]) -> tuple[str, int, _Columns]:
    """(separator, number of lines down to the headings, where what stands); raises `Invalid` where there are none.

    Of several lines that could be them, the first counts that has a time below.
    """
    found = list(_possible_headings(lines))
    if not found:
        raise Invalid(
            N_("No line of headings names a time and a temperature, such as: 时间, 温度(℃), 湿度(%RH)."), field="file"
        )
    separator, head, columns = next((one for one in found if _has_time_below(lines, *one)), found[0])
    return separator, head, replace(columns, fahrenheit=columns.fahrenheit or _told_fahrenheit(lines[: head - 1]))


def _possible_headings(lines: Sequence[str]) -> Iterator[tuple[str, int, _Columns]]:
    for number, line in enumerate(lines[:_HEAD], 1):
        for separator in _SEPARATORS:
            columns = _columns(_fields(line, separator)) if separator in line else None
            if columns is not None:
                yield separator, number, columns


def _has_time_below(lines: Sequence[str], separator: str, head: int, columns: _Columns) -> bool:
    return any(read_time(_time_text(_fields(line, separator), columns)) for line in lines[head : head + 10])


def _told_fahrenheit(above: Sequence[str]) -> bool:
    """Whether a line above the headings says that the unit is Fahrenheit."""
    return any(
        _UNIT_LINE.search(line) and (_FAHRENHEIT.search(line) or re.search(r"[,;:：\t]\s*F\b", line)) for line in above
    )


def _time_text(cells: Sequence[str], columns: _Columns) -> str:
    return " ".join(cells[n] for n in columns.times if n < len(cells)).strip()


def _columns(names: Sequence[str]) -> _Columns | None:
    """Where what stands, by the headings; None where they name no time or no temperature."""
    probes = [n for n, name in enumerate(names) if _CELSIUS_NAMES.search(name) and not _NO_READING.search(name)]
    probes = [n for n in probes if not _HUMIDITY_NAMES.search(names[n]) and read_time(names[n]) is None]
    humid = [n for n, name in enumerate(names) if _HUMIDITY_NAMES.search(name) and not _NO_READING.search(name)]
    times = _times(names)
    if not probes or not times or set(times) & {*probes, *humid}:
        return None
    units = {bool(_FAHRENHEIT.search(names[n])) for n in probes}
    if len(units) > 1:  # one probe told in both units: each column would be read in one
        probes = [n for n in probes if not _FAHRENHEIT.search(names[n])]
    return _Columns(times, tuple(probes), units == {True}, humid[0] if humid else None)


def _times(names: Sequence[str]) -> tuple[int, ...]:
    usable = [(n, name) for n, name in enumerate(names) if not _NO_TIME.search(name)]
    whole = [n for n, name in usable if _MOMENT_NAMES.search(name)]
    days = [n for n, name in usable if _DATE_NAMES.search(name) and n not in whole]
    clocks = [n for n, name in usable if _TIME_NAMES.search(name) and n not in whole]
    if whole:
        return (whole[0],)
    if days and clocks:
        return days[0], clocks[0]
    return tuple((clocks or days)[:1])


def _below(
    lines: Sequence[str], separator: str, head: int, columns: _Columns
) -> Iterator[tuple[int, Written | None, Sequence[str]]]:
    """(number of the line, its time, its fields) of what stands below the headings.

    Lines whose place for the time holds no digit are no readings (headings again, sums below); raises `Invalid` for a
    time that cannot be read.
    """
    for number, line in enumerate(lines[head:], head + 1):
        if not line.strip(" \t,;|\"'，；\u3000"):
            continue
        cells = _fields(line, separator)
        text = _time_text(cells, columns)
        if not any(c.isdigit() for c in text):
            continue
        written = read_time(text)
        if written is None:
            raise Invalid(
                N_("Line {line}: {came} is no date and time that can be read. Write it as 2026-03-04 10:30."),
                field="file",
                line=number,
                came=ascii(text[:40]) if find_unreadable(text) else text[:40],
            )
        yield number, written, cells


def _readings(number: int, cells: Sequence[str], columns: _Columns, moment: datetime) -> Iterator[Reading]:
    """One reading a probe that tells something; the humidity goes with the first."""
    humidity = _value(number, cells, columns.humidity) if columns.humidity is not None else None
    if humidity is not None and not 0 <= humidity <= 10_000:
        humidity = None
    for probe in columns.probes:
        celsius = _value(number, cells, probe, fahrenheit=columns.fahrenheit)
        if celsius is not None and _COLDEST <= celsius <= _WARMEST:
            yield Reading(moment, celsius, humidity)
            humidity = None


def _value(number: int, cells: Sequence[str], column: int, *, fahrenheit: bool = False) -> int | None:
    """Hundredths of a degree Celsius (or percent) of a field; None where it tells of no reading ("--", "N/A")."""
    text = cells[column] if column < len(cells) else ""
    if not any(c.isdigit() for c in text):
        return None
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise Invalid(
            N_("Line {line}: {came} is no reading that can be read."), field="file", line=number, came=ascii(text[:40])
        )
    whole, part, unit = found[1].replace("−", "-"), (found[2] or "").ljust(3, "0")[:3], (found[3] or "").upper()
    thousandths = abs(int(whole)) * 1000 + int(part)
    thousandths = -thousandths if whole.startswith("-") else thousandths
    if "F" in unit or "℉" in unit or (fahrenheit and not unit):
        thousandths = round((thousandths - 32_000) * 5 / 9)
    return round(thousandths / 10)


def _fields(line: str, separator: str) -> list[str]:
    """The fields of one line in half width, blanks cut; raises `Invalid` for far too many."""
    try:
        cells = next(csv.reader([line], delimiter=separator))
    except (csv.Error, StopIteration):
        return []
    if len(cells) > _WIDEST:
        raise Invalid(N_("A line has more than {most} columns: this is no log."), field="file", most=_WIDEST)
    return [half_width(cell).strip(" \t\u00a0\"'") for cell in cells]


def _logger(lines: Sequence[str], separator: str) -> str:
    """The logger's number, where a line above the headings tells it."""
    for line in lines:
        cells = [cell for cell in _fields(line, separator) if cell]
        for n, cell in enumerate(cells):
            if _LOGGER.search(cell):
                _, colon, behind = half_width(cell).partition(":")
                told = behind if colon and behind.strip() else cells[n + 1] if n + 1 < len(cells) else ""
                clean = "".join(c for c in told if c.isprintable()).strip()
                if clean:
                    return clean[:80]
    return ""
