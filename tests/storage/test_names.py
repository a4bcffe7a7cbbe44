"""Names are found by any part of them."""

import re

import pytest
from sqlalchemy import select, text, update

from storage import names
from storage.names import Name, find_some, keep_names, named, parts_of
from storage.tables import organisation
from tests.conftest import ROOT
from tests.town import Town

NAMES = ("城南人民医院", "城北超市（7-Eleven）", "Sunshine 阳光药店", "宁夏回族自治区中卫市沙坡头区第一农场")


@pytest.fixture
def known(town: Town) -> Town:
    """A town with organisations of these names."""
    for name in NAMES:
        town.organisation(name=name, licensed=False)
    return town


def found(town: Town, asked: str) -> set[str]:
    """The names that a text is part of."""
    with town.store.reading() as session:
        return set(session.scalars(select(organisation.c.name).where(named(session, Name.ORGANISATION, asked))))


def test_any_part_of_a_name_finds_it_in_capital_and_small_letters(known: Town) -> None:
    for asked in ("医", "人民", "民医院", "城南人民医院"):
        assert found(known, asked) == {NAMES[0]}
    for asked in ("7-e", "ELEVEN", "（7"):
        assert found(known, asked) == {NAMES[1]}
    assert found(known, "城") == {NAMES[0], NAMES[1]}
    assert found(known, "shine 阳") == {NAMES[2]}
    assert found(known, "自治区中卫市沙坡头区第一农") == {NAMES[3]}
    assert found(known, "自治区中卫市沙坡头区第二农") == set(), "the first letters alone are not enough"
    for asked in ("民人", "%", "_", "城_人", "人民医院 "):
        assert found(known, asked) == set()


@pytest.mark.parametrize(("name", "asked"), [("ＡＢＣ大药房", "ａｂ"), ("Ökohof 绿畦", "öKO"), ("Ягода", "яГ")])
def test_capital_letters_of_any_alphabet_are_found_by_small_ones(town: Town, name: str, asked: str) -> None:
    town.organisation(name=name, licensed=False)
    assert found(town, asked) == found(town, asked.swapcase()) == {name}


def test_what_more_names_have_than_are_looked_up_is_found_in_the_names_themselves(
    known: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "MOST", 1)
    assert found(known, "城") == {NAMES[0], NAMES[1]}
    assert found(known, "ELEVEN") == {NAMES[1]}


def test_name_that_has_a_text_many_times_does_not_keep_others_from_being_found(town: Town) -> None:
    wanted = [town.organisation(name=name, licensed=False).organisation for name in ("哈" * 20, "哈密瓜农场")]
    with town.store.reading() as session:
        assert find_some(session, Name.ORGANISATION, "哈", most=2) == wanted
        assert find_some(session, Name.ORGANISATION, "哈", most=1) == wanted[:1]
        assert find_some(session, Name.ORGANISATION, "哈", most=3) == wanted


def test_name_that_was_changed_is_found_by_the_new_one_alone(known: Town) -> None:
    actor = known.organisation(name="旧名字", licensed=False)
    known.by_hand(update(organisation).where(organisation.c.id == actor.organisation).values(name="新名字"))
    known.do(keep_names, [(Name.ORGANISATION, actor.organisation, "新名字")])
    known.do(keep_names, [(Name.ORGANISATION, actor.organisation, "新名字")])
    assert found(known, "新名") == {"新名字"}
    assert found(known, "旧名") == set()


def test_part_begins_at_each_letter_and_is_a_few_letters_long() -> None:
    assert parts_of("Ab市") == {b"ab\xe5\xb8\x82", b"b\xe5\xb8\x82", b"\xe5\xb8\x82"}
    assert {len(part) for part in parts_of("A" * 100)} == set(range(1, 9))


def test_text_is_looked_for_in_a_range_of_the_index(known: Town) -> None:
    postgres = known.store.engine.dialect.name == "postgresql"
    where = "kind = {} AND part >= {} AND part < {}".format(
        *(("$1", "$2", "$3") if postgres else ("1", "x'e5'", "x'e6'"))
    )
    asked = f"SELECT number FROM name_part WHERE {where} LIMIT 501"
    with known.store.engine.begin() as connection:
        if postgres:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        told = connection.execute(text(f"EXPLAIN {'(GENERIC_PLAN)' if postgres else 'QUERY PLAN'} {asked}"))
        plan = " ".join(map(str, told.all()))
    wanted = (
        ("Index Cond", "part >=", "part <") if postgres else ("SEARCH name_part USING PRIMARY KEY", "part>?", "part<?")
    )
    assert all(word in plan for word in wanted), plan


def test_whoever_writes_a_name_keeps_its_parts() -> None:
    writes = re.compile(r"\b(insert|update|insert_for)\((session, )?(organisation|product)\)")
    writers = {path for path in (ROOT / "trace").rglob("*.py") if writes.search(path.read_text())}
    assert {path.name for path in writers} == {"drug_editing.py", "organisations.py", "products.py"}
    assert [path for path in writers if "keep_names(" not in path.read_text()] == []
