"""The demonstration: three stories that hold together at any hour, lead back to the field, and name nobody real."""

import json
import re
import stat
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from stdnum import ean
from stdnum.cn import uscc
from stdnum.iso7064 import mod_11_10

import storage
from storage.store import Store
from storage.tables import (
    alert,
    event,
    event_document,
    licence,
    metadata,
    organisation,
    product,
    product_code,
    stock,
)
from tests.conftest import BACKENDS, Databases, make_database
from trace.domain.epcis.document import load_document
from trace.domain.events import utc_milliseconds
from trace.domain.parties import OrganisationKind
from trace.services import demonstration
from trace.services.code_sales import SECOND_SALE
from trace.services.demonstration import FILE, Demonstration, find_demonstration, load_demonstration
from trace.services.lookup import look_up

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=SHANGHAI)
# Names that a shop, maker or chain in Zhongwei, or in the whole country, really has.
REAL = (
    "同仁堂 国大 华润 九州通 国药 上药 新华百货 华联 永辉 物美 沃尔玛 双汇 雨润 百瑞源 沃福 宁夏红"
    " 启元 康亚 早康 仁济堂 益丰 老百姓 大参林 一心堂"
)


def load(url: str, now: datetime, folder: Path | None = None) -> tuple[Store, Demonstration]:
    """The demonstration in an empty database."""
    store = storage.open_store(url)
    shown = load_demonstration(store, SHANGHAI, now, folder)
    assert shown is not None
    return store, shown


@pytest.fixture(scope="module", params=BACKENDS)
def told(request: pytest.FixtureRequest, databases: Databases) -> Iterator[tuple[Store, Demonstration]]:
    """The demonstration as it stands at noon; for tests that only look."""
    store, shown = load(make_database(databases, request.param), NOON)
    yield store, shown
    store.close()


@pytest.fixture(scope="module")
def kept(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Demonstration, Path]]:
    """A demonstration on SQLite with the folder where its sign-ins are kept; for tests that only look."""
    folder = tmp_path_factory.mktemp("kept") / "data"
    store, shown = load(make_database(databases, "sqlite"), NOON, folder)
    yield store, shown, folder
    store.close()


@pytest.fixture
def empty(databases: Databases) -> Iterator[Store]:
    """An empty store on SQLite."""
    store = storage.open_store(make_database(databases, "sqlite"))
    yield store
    store.close()


def rows(store: Store) -> dict[str, int]:
    """How many rows each table has."""
    with store.reading() as session:
        return {
            table.name: session.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }


def gtins_in(uris: Iterable[str]) -> list[str]:
    """The 14-digit GTINs of those URIs that are of GS1."""
    return [found.group(1) for uri in uris if (found := re.search(r"/01/([0-9]{14})", uri))]


def public(store: Store, code: str) -> dict[str, Any]:
    """What the public is told of a code as it stands in the list of pages to try."""
    with store.reading() as session:
        return look_up(session, actor=None, text=unquote(code), now=NOON)


# ---- what is told --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "beginnings"),
    [
        ("Pork 冷鲜猪后腿肉", {"沙坡头区沙柳湾生猪养殖场", "海原县白崖山黑猪养殖场"}),
        ("Tomatoes 精选番茄", {"沙坡头区绿畦蔬菜专业合作社", "中宁县晨露蔬菜专业合作社"}),
        ("Goji 枸杞干果", {"中宁县红枝枸杞专业合作社"}),
        ("Drug box 药品追溯码", {"宁夏六盘清源制药有限公司"}),
    ],
)
def test_every_story_leads_back_to_where_it_began(
    told: tuple[Store, Demonstration], code: str, beginnings: set[str]
) -> None:
    store, shown = told
    timeline = public(store, shown.codes[code])["timeline"]
    first = {entry["by"] for entry in timeline if entry["step"] == "commissioning" and entry["by_kind"] in FIRST}
    assert first == beginnings


FIRST = (OrganisationKind.FARM, OrganisationKind.COOPERATIVE, OrganisationKind.DRUG_MAKER)


def test_carrots_of_the_crates_earlier_trip_are_no_part_of_the_tomatoes(told: tuple[Store, Demonstration]) -> None:
    store, shown = told
    with store.reading() as session:
        assert session.execute(select(product.c.id).where(product.c.name == "胡萝卜")).one()
    assert "番茄" in str(public(store, shown.codes["Tomatoes 精选番茄"]))
    assert "胡萝卜" not in str(public(store, shown.codes["Tomatoes 精选番茄"]))


def test_second_sale_of_a_code_alarmed_both_pharmacies(told: tuple[Store, Demonstration]) -> None:
    store, _ = told
    with store.reading() as session:
        query = select(organisation.c.name).join(alert, alert.c.organisation == organisation.c.id)
        query = query.where(alert.c.kind == SECOND_SALE)
        assert sorted(session.scalars(query)) == ["沙枣花大药房文昌店", "驼铃药店滨河店"]


def test_every_role_can_sign_in_and_has_a_key(told: tuple[Store, Demonstration]) -> None:
    from trace.domain.permissions import Role
    from trace.services.keys import find_actor_by_key
    from trace.services.people import check_password, find_actor

    store, shown = told
    assert shown.keys.keys() == {role.value for role in Role}
    with store.writing() as session:
        for role, key in shown.keys.items():
            actor = find_actor_by_key(session, key)
            assert actor is not None
            assert actor.role == role
        for name, whose in shown.sign_ins.items():
            assert find_actor(session, check_password(session, sign_in=name, password=shown.password)), whose


def test_nothing_is_left_over_or_missing_in_stock(told: tuple[Store, Demonstration]) -> None:
    store, _ = told
    with store.reading() as session:
        assert session.execute(select(stock).where((stock.c.on_hand < 0) | (stock.c.held < 0))).all() == []


# ---- identifiers ---------------------------------------------------------------------------------------------------


def test_identifiers_pass_their_check_digits(told: tuple[Store, Demonstration]) -> None:
    store, _ = told
    with store.reading() as session:
        credit_codes = session.scalars(select(organisation.c.uscc).where(organisation.c.uscc.is_not(None))).all()
        doubts = session.scalars(select(organisation.c.warnings)).all()
        gtins = gtins_in(session.scalars(select(product_code.c.code)))
        licences = session.scalars(select(licence.c.number)).all()
    assert len(credit_codes) == len(demonstration.ORGANISATIONS)
    assert all(uscc.is_valid(code) for code in credit_codes)
    assert [doubt for doubt in doubts if doubt] == []
    assert len(gtins) == 14
    assert all(ean.is_valid(code) for code in gtins)
    checked = [number for number in licences if number.startswith(("SC", "JY"))]
    assert len(checked) == 5
    assert all(mod_11_10.is_valid(number[2:]) for number in checked)
    assert len(licences) == len(demonstration.LICENCES)


def test_identifiers_lead_to_nobody(told: tuple[Store, Demonstration]) -> None:
    store, _ = told
    with store.reading() as session:
        gtins = gtins_in(session.scalars(select(product_code.c.code)))
        contacts = session.scalars(select(organisation.c.contact).where(organisation.c.contact != "")).all()
    assert gtins
    assert all(code.startswith("0952") for code in gtins), "GS1 keeps this prefix for demonstrations"
    assert all(contact.partition("-")[2].startswith("0") for contact in contacts), "no telephone number begins with 0"


def test_no_name_is_that_of_a_real_company() -> None:
    for name, *_ in demonstration.ORGANISATIONS.values():
        assert [real for real in REAL.split() if real in name] == [], name
    assert all("（演示）" in name for _, _, name in demonstration.PEOPLE.values()), "no person who exists"
    authorities = [n for n, kind, *_ in demonstration.ORGANISATIONS.values() if kind is OrganisationKind.REGULATOR]
    assert all(name.endswith("（演示）") for name in authorities), "an authority is real: it says that this is none"


# ---- at any hour ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "clock"),
    [
        *(("2026-11-24", clock) for clock in ("00:00", "00:05", "03:59", "04:00", "05:01", "12:00", "23:55")),
        ("2026-03-01", "00:05"),
        ("2026-05-31", "00:05"),
        ("2026-06-04", "12:00"),
        ("2026-11-04", "12:00"),
        ("2028-02-29", "03:59"),
    ],
)
def test_stories_hold_at_any_hour_of_any_day(databases: Databases, day: str, clock: str) -> None:
    now = datetime.fromisoformat(f"{day}T{clock}:07+08:00")
    store, shown = load(make_database(databases, "sqlite"), now.astimezone(UTC))
    with store.reading() as session:
        query = select(event.c.event_time, organisation.c.name).join(
            organisation, organisation.c.id == event.c.captured_by
        )
        by_whom = session.execute(query.order_by(event.c.id)).tuples().all()
        documents = [load_document(bytes(d)) for d in session.scalars(select(event_document.c.document))]
    store_answers = {name: public(store, code)["timeline"] for name, code in shown.codes.items()}
    store.close()
    assert max(time for time, _ in by_whom) <= utc_milliseconds(now), "nothing happened in the future"
    of_late = [time for time, name in by_whom if name != "中宁县红枝枸杞专业合作社"]  # dried goji wait for their buyer
    assert min(of_late) > utc_milliseconds(now - timedelta(days=100))
    assert min(time for time, _ in by_whom) > utc_milliseconds(now - timedelta(days=220))
    assert {d["eventTimeZoneOffset"] for d in documents} == {"+08:00"}
    for name, timeline in store_answers.items():
        days = [entry["day"] for entry in timeline]
        assert days == sorted(days), name
    assert in_order_for_each_thing(documents) == []


def in_order_for_each_thing(documents: list[dict[str, Any]]) -> list[str]:
    """Things that do something before they came to be, or after they were used up; nothing if all is in order."""
    born: dict[str, str] = {}
    wrong = []
    for document in documents:
        for epc in document.get("epcList", []):
            if document.get("bizStep") == "commissioning":
                born[epc] = document["eventTime"]
            elif epc in born and document["eventTime"] < born[epc]:
                wrong.append(f"{epc} {document['bizStep']} before it came to be")
    return wrong


# ---- once, whole, and kept -----------------------------------------------------------------------------------------


def test_loading_twice_does_nothing(kept: tuple[Store, Demonstration, Path]) -> None:
    store, _, folder = kept
    before, written = rows(store), (folder / FILE).read_bytes()
    assert load_demonstration(store, SHANGHAI, NOON, folder) is None
    assert (rows(store), (folder / FILE).read_bytes()) == (before, written)


def test_store_that_somebody_uses_is_left_alone(empty: Store, tmp_path: Path) -> None:
    from trace.services.organisations import create_organisation

    with empty.writing() as session:
        create_organisation(session, name="自家店", kind=OrganisationKind.SUPERMARKET, region="640502", now=NOON)
    before = rows(empty)
    assert load_demonstration(empty, SHANGHAI, NOON, tmp_path) is None
    assert rows(empty) == before
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("backend", BACKENDS)
def test_interrupted_load_leaves_an_empty_store_and_then_three_starters_at_once_load_it_once(
    databases: Databases, backend: str, tmp_path: Path
) -> None:
    """Interrupted at its last step: the folder where the sign-ins are kept cannot be written to."""
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    url, together, folder = make_database(databases, backend), Barrier(3), tmp_path / "data"
    store = storage.open_store(url)
    before = rows(store)
    folder.write_text("a file in the way")
    with pytest.raises(FileExistsError):
        load_demonstration(store, SHANGHAI, NOON, folder)
    assert rows(store) == before
    folder.unlink()

    def start(_number: int) -> Demonstration | None:
        ours = storage.open_store(url)
        together.wait()
        try:
            return load_demonstration(ours, SHANGHAI, NOON, folder) or find_demonstration(ours, folder)
        finally:
            ours.close()

    with ThreadPoolExecutor(3) as threads:
        first, *others = threads.map(start, range(3))
    assert first is not None
    assert others == [first, first]
    assert find_demonstration(store, folder) == first
    store.close()


def test_what_a_newcomer_needs_is_kept_for_its_owner_only(kept: tuple[Store, Demonstration, Path]) -> None:
    store, shown, folder = kept
    assert shown == find_demonstration(store, folder)
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == [FILE]


CONTENTS = (None, "", "{", "[]", "{}", '{"mark": "other", "password": "x"}', "\udcff")


def test_kept_file_of_another_store_or_of_nothing_is_not_shown(
    kept: tuple[Store, Demonstration, Path], tmp_path: Path
) -> None:
    for number, content in enumerate(CONTENTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        if content is not None:
            (folder / FILE).write_text(content, encoding="utf-8", errors="surrogateescape")
        assert find_demonstration(kept[0], folder) is None, content


def test_kept_file_of_this_store_is_shown_in_whatever_folder_it_lies(
    kept: tuple[Store, Demonstration, Path], tmp_path: Path
) -> None:
    store, shown, folder = kept
    (tmp_path / FILE).write_bytes((folder / FILE).read_bytes())
    assert find_demonstration(store, tmp_path) == shown
    assert json.loads((tmp_path / FILE).read_text(encoding="utf-8"))["password"] in str(shown)
