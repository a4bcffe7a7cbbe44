"""Files of temperature loggers: the shapes that makers really write, and how hostile ones end."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.logger_files import LoggerFile, read_logger_file
from trace.domain.failures import Failure, Invalid, TooLarge

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC).astimezone(SHANGHAI)


def read(data: str | bytes, encoding: str = "utf-8") -> LoggerFile:
    data = data.encode(encoding) if isinstance(data, str) else data
    return read_logger_file(data, most_bytes=1_000_000, most_rows=2_000, zone=SHANGHAI, now=NOW)


def told(file: LoggerFile) -> list[tuple[str, int | None, int | None]]:
    return [(f"{one.at.astimezone(SHANGHAI):%m-%d %H:%M:%S}", one.celsius, one.humidity) for one in file.readings]


CHINESE = """设备名称：冷藏箱3号
设备编号：RC-5A 10086
开始时间,2026-11-23 08:00:00,结束时间,2026-11-23 08:10:00
记录间隔,5分钟,温度单位,℃
序号,记录时间,温度(℃),湿度(%RH),报警状态
1,2026-11-23 08:00:00,4.5,55.2,正常
2,2026-11-23 08:05:00,-0.5,56,正常
3,2026-11-23 08:10:00,--,--,探头故障
最高温度,,4.5
"""
SAME = [("11-23 08:00:00", 450, None), ("11-23 08:05:00", 820, None)]
SHAPES = {
    "comma": "Time,Temperature (°C)\n2026-11-23 08:00,4.5\n2026-11-23 08:05,8.2\n",
    "semicolon and decimal comma": "id;Date / time;°C [1]\n1;23.11.2026 08:00:00;4,5\n2;23.11.2026 08:05:00;8,2\n",
    "tab, date and time apart": "日期\t时间\t温度\n2026年11月23日\t8时0分\t4.5℃\n2026年11月23日\t8时5分0秒\t8.2℃\n",
    "Fahrenheit": '"No.","Time","Temp(°F)"\n"1","11/23/2026 8:00:00 AM","40.1"\n"2","11/23/2026 8:05:00 AM","46.76"\n',
    "unit above": "SN,7\nTemperature Unit,F\nDate,Time,Temp\n23-Nov-2026,08:00,40.1\n23-Nov-2026,08:05,46.76\n",
    "offset": "timestamp,temp\n2026-11-23T00:00:00Z,4.5\n2026-11-23T00:05:00+00:00,8.2\n",
    "full width": "时间，温度（℃）\n"
    "２０２６－１１－２３　０８：００：００，４．５\n"
    "２０２６－１１－２３　０８：０５：００，８．２\n",
    "two digits of the year": "时间,温度\n26-11-23 08:00,4.5\n26-11-23 08:05,8.2\n",
    "newest first": "Time,Temp\n20261123080500,8.2\n20261123080000,4.5\n",
    "both units": "Time,Temp °C,Temp °F\n2026/11/23 上午8:00:00,4.5,40.1\n2026/11/23 上午8:05:00,8.2,46.8\n",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_chinese_logger_is_read_in_every_encoding(encoding: str) -> None:
    file = read(CHINESE, encoding)
    assert told(file) == [("11-23 08:00:00", 450, 5520), ("11-23 08:05:00", -50, 5600)]
    assert (file.logger, file.missing) == ("RC-5A 10086", 1)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_says_the_same(shape: str) -> None:
    assert told(read(SHAPES[shape])) == SAME


def test_two_probes_are_two_readings_of_one_moment() -> None:
    file = read("时间,温度1(℃),温度2(℃),湿度\n2026-11-23 08:00,4.5,9.1,50\n")
    assert told(file) == [("11-23 08:00:00", 450, 5000), ("11-23 08:00:00", 910, None)]


def test_what_a_broken_probe_tells_is_no_reading() -> None:
    file = read("Time,Temp\n2026-11-23 08:00,999.9\n2026-11-23 08:05,4.5\n2026-11-23 08:10,-999\n")
    assert (len(file.readings), file.missing) == (1, 2)


@pytest.mark.parametrize(
    ("days", "first"),
    [
        (("03/04/2026", "04/04/2026"), "2026-04-03"),  # the other reading would jump a month
        (("04/03/2026", "04/04/2026"), "2026-04-03"),
        (("12/11/2026", "12/11/2026"), "2026-11-12"),  # the other one is still to come
        (("25/03/2026", "26/03/2026"), "2026-03-25"),
    ],
)
def test_the_whole_log_says_what_its_dates_mean(days: tuple[str, str], first: str) -> None:
    file = read(f"Time,Temp\n{days[0]} 23:00,4.5\n{days[1]} 23:30,5\n")
    assert file.readings[0].at.date().isoformat() == first


BAD = {
    "two days that both may be": "Time,Temp\n03/04/2026 08:00,4\n03/04/2026 09:00,5\n",
    "no headings": "1,2026-11-23 08:00,4\n",
    "no time below": "Time,Temp\n--,4\n",
    "only headings": "Time,Temp\n",
    "no temperature at all": "Time,Temp\n2026-11-23 08:00,\n",
    "a day that never was": "Time,Temp\n2026-02-30 08:00,4\n",
    "an hour that never was": "Time,Temp\n2026-02-20 25:00,4\n",
    "a number that is none": "Time,Temp\n2026-11-23 08:00,4.5.6\n",
    "a formula": "Time,Temp\n2026-11-23 08:00,=1+1\n",
    "an exponent": "Time,Temp\n2026-11-23 08:00,1e9\n",
    "not a number": "Time,Temp\n2026-11-23 08:00,NaN\n",
    "dates in two orders": "Time,Temp\n25/03/2026 08:00,4\n03/25/2026 08:00,4\n",
    "a workbook": b"PK\x03\x04" + b"\x00" * 50,
    "a PDF": b"%PDF-1.7\n",
    "no text": bytes(range(256)),
    "an endless line": "Time,Temp\n" + "1," * 3_000,
    "a thousand columns": "Time,Temp" + ",a" * 1_000 + "\n",
    "nothing": b"",
    "lone surrogates": b"Time,Temp\n" b"\xed\xa0\x80,4\n",
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_what_is_no_log_or_may_mean_two_things_is_refused_with_a_sentence(fault: str) -> None:
    with pytest.raises(Invalid) as found:
        read(BAD[fault])
    assert found.value.field == "file"
    assert str(found.value)


def test_more_than_is_read_is_refused() -> None:
    with pytest.raises(TooLarge):
        read("Time,Temp\n" + "2026-11-23 08:00,4\n" * 2_200)
    with pytest.raises(TooLarge):
        read(b"0" * 1_000_001)


@given(st.one_of(st.binary(max_size=200), st.text("0123456789/:-. ,;\t时间温度℃TimeTemp年月日\n\"'=Z+", max_size=120)))
def test_no_file_ends_in_anything_but_readings_or_a_sentence(data: bytes | str) -> None:
    try:
        read(b"Time,Temp\n" + data if isinstance(data, bytes) else "Time,Temp\n" + data)
    except Failure as failure:
        assert str(failure)
