"""`./run scan`: photos, folders and standard input in; a table or lines of JSON out, and an exit status."""

import json
import os
import signal
import subprocess
import sys
from itertools import count, islice
from pathlib import Path

from click.testing import CliRunner, Result

from scanners import Doubt, Doubtful, PhotoReading, Reading
from tests.conftest import ROOT
from tests.scanners.drawing import corner_marked, file_of, on_paper, symbol
from tests.test_cli import environ
from trace.cli_scan import AHEAD, Count, Scanned, as_lines, main, scan, shown
from trace.domain.failures import Invalid

EAN, GS1 = "6901234567892", "(01)06901234567892(17)270131(10)A1"


def run(folder: Path, *arguments: str, stdin: bytes = b"") -> Result:
    """Run the command in this process, standing in a folder."""
    return CliRunner().invoke(main, arguments, input=stdin, env={"RUN_FROM": str(folder)})


def read(text: str, *, symbology: str = "QR", raw: bytes = b"") -> Reading:
    """A reading as an engine gives it."""
    return Reading(text, symbology, "", ((0, 0), (9, 0), (9, 9), (0, 9)), "zxing", raw)


def page(*readings: Reading, doubtful: tuple[Doubtful, ...] = ()) -> PhotoReading:
    """A page with these readings, and no picture."""
    return PhotoReading(readings, doubtful, 1, 1, 10, 10, "image/png", b"", "image/jpeg", 1.0)


def test_files_are_told_in_their_order_and_a_broken_one_stops_no_other(tmp_path: Path) -> None:
    photo = file_of(on_paper(symbol(EAN, "EAN13"), symbol(GS1, "DataMatrix", gs1=True)), "PNG")
    folder = tmp_path / "来货" / "b"
    folder.mkdir(parents=True)
    (folder / "a b\x1b[31m.png").write_bytes(photo)
    (folder / "note.txt").write_text("no photo")
    (tmp_path / "来货" / "c.jpg").write_bytes(file_of(corner_marked()))
    (tmp_path / "cut.jpg").write_bytes(file_of(corner_marked())[:300])

    done = run(tmp_path, "--json", "cut.jpg", "来货", "-", "nothing.png", stdin=photo)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["file"] for line in said] == ["cut.jpg", "来货/c.jpg", "来货/b/a b\x1b[31m.png", "-", "nothing.png"]
    assert ["error" in line for line in said] == [True, False, False, False, True]
    assert [[reading["text"] for reading in line.get("readings", ())] for line in said[1:4]] == [
        [], [EAN, "01069012345678921727013110A1"], [EAN, "01069012345678921727013110A1"],
    ]  # fmt: skip
    lot = said[2]["readings"][1]
    assert (lot["symbology"], lot["identifier"], len(lot["corners"])) == ("DataMatrix", "]d2", 4)
    assert (lot["code"]["kind"], lot["code"]["lot"], lot["code"]["expires_on"]) == ("lgtin", "A1", "2027-01-31")
    assert done.exit_code == 2
    assert done.stderr.endswith(
        "5 file(s), 3 page(s): 4 codes read, 0 doubtful; 1 page(s) without a code read, 2 file(s) not readable\n"
    )

    table = run(tmp_path, "来货")
    rows = table.stdout.splitlines()
    assert [row.split()[-1] for row in rows[2:]] == [EAN, "01069012345678921727013110A1"]
    assert "未发现条码" in rows[1]
    assert table.stderr.endswith("2个文件，2页：读出2个条码，存疑0个；1页未读出条码，0个文件无法读取\n")
    assert rows[2].startswith("来货/b/a b<ESC>[31m.png  1/1    1    EAN-13      商品条码")
    assert table.exit_code == 1
    assert "\x1b" not in table.output


def test_the_exit_status_tells_read_from_doubtful_from_not_opened() -> None:
    doubtful = page(doubtful=(Doubtful(read(EAN), Doubt.ALONE),))
    for scanned, status in (
        ((Scanned("a", (page(read(EAN)), page(read(EAN)))),), 0),
        ((Scanned("a", (page(read(EAN)), doubtful)),), 1),
        ((Scanned("a", (page(),)),), 1),
        ((Scanned("a", (page(),)), Scanned("b", fault=Invalid("broken"))), 2),
    ):
        total = Count()
        for one in scanned:
            total.add(one)
        assert total.status == status
    assert run(Path(), "").exit_code == 2
    assert run(Path()).exit_code == 2


def test_nothing_that_a_terminal_obeys_is_written_and_bytes_are_hexadecimal() -> None:
    assert shown("10A1\x1d21\x9b7\u202e\udcff批") == "10A1<GS>21<U+009B>7<U+202E><U+DCFF>批"
    (line,) = as_lines(Scanned("\udcff\x9b", (page(read("\x00\x01", raw=b"\x00\x01"), read("a\x1d\u202eb")),)))
    assert line.isprintable()
    assert line.encode()
    told = json.loads(line)
    assert told["file"] == "\udcff\x9b"
    assert (told["readings"][0]["text"], told["readings"][0]["bytes"]) == (None, "0001")
    assert (told["readings"][1]["text"], told["readings"][1]["bytes"]) == ("a\x1d\u202eb", None)


def test_what_cannot_be_opened_is_told_and_nothing_waits_for_a_pipe_in_a_folder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    done = run(tmp_path, "--json", ".", "a" * 300)
    assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == ["gone.jpg", "a" * 300]
    assert done.exit_code == 2


def test_a_full_disk_is_a_sentence_and_not_the_status_of_a_photo_without_codes(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        line = [sys.executable, "-m", "trace.cli_scan", "--json", "nothing.png"]
        done = subprocess.run(
            line, cwd=ROOT, env=environ(tmp_path), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        2,
        "The answer cannot be written: No space left on device",
    )
    assert "Traceback" not in done.stderr


def test_a_text_that_looks_like_an_identifier_is_what_it_is_at_the_desks() -> None:
    (line,) = as_lines(Scanned("a", (page(read("]d20106901234567892")),)))
    assert json.loads(line)["readings"][0]["code"] == {"kind": "unknown"}


def test_bytes_in_no_known_character_set_are_told_as_bytes() -> None:
    (line,) = as_lines(Scanned("a", (page(read("", raw=b"\xe1\x40")),)))
    told = json.loads(line)["readings"][0]
    assert (told["text"], told["bytes"], told["code"]) == (None, "e140", None)


def test_files_are_taken_a_few_at_a_time() -> None:
    taken = count()
    files = (Scanned(str(number)) for number in taken)
    first = list(islice(scan(files, seconds=1), 3))
    assert [each.name for each in first] == ["0", "1", "2"]
    assert next(taken) <= 3 + AHEAD


def test_ctrl_c_ends_it_and_all_its_processes_quietly(tmp_path: Path) -> None:
    """In the midst of photos, and it cannot have ended by itself: of the last one, not a byte comes."""
    (tmp_path / "a.png").write_bytes(file_of(on_paper(symbol(EAN, "EAN13")), "PNG"))
    line = [sys.executable, "-m", "trace.cli_scan", "--json", *["a.png"] * 20, "-"]
    never, kept_open = os.pipe()
    process = subprocess.Popen(
        line, cwd=ROOT, env=environ(tmp_path, RUN_FROM=str(tmp_path)), start_new_session=True, text=True,
        stdin=never, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["readings"]
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, said = process.communicate(timeout=60)  # to the end of both pipes: no process is left that holds them
    finally:
        process.kill()
        os.close(never)
        os.close(kept_open)
    assert (process.returncode, said) == (130, "Interrupted.\n")
