"""Demonstration data: pork, tomatoes and dried goji, and a drug, told through the same services people use.

Names are plausible for Zhongwei and belong to nobody; days are relative to today. Identifiers pass their check digits and
lead to nobody either: GTINs begin 952 (GS1's own prefix for demonstrations), telephone numbers with a 0 that none has.

What a newcomer needs to sign in is kept in the data folder (`demonstration.json`, readable by its owner only), so that
each start can show it again; the store holds the mark of its own demonstration, so that no other store's is shown.
"""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.events import insert_for
from storage.store import Store
from storage.tables import organisation, store_setting
from trace.domain.parties import LicenceKind, OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.services.demonstration_cast import Cast
from trace.services.demonstration_pharmacy import fill_pharmacies
from trace.services.demonstration_pork import tell_pork
from trace.services.demonstration_stories import tell_drug, tell_produce
from trace.services.demonstration_window import open_windows
from trace.services.keys import issue_key
from trace.services.organisations import add_licence, create_organisation, get_organisation_row
from trace.services.people import create_person_by_hash, hash_password
from trace.services.setup import ensure_platform

FILE = "demonstration.json"
MARK = "demonstration"  # name of the setting in the store
K = OrganisationKind
# key: (name, kind, USCC, region, address, contact). The credit codes are synthetic and pass GB 32100-2015.
ORGANISATIONS: Mapping[str, tuple[str, OrganisationKind, str, str, str, str]] = {
    "farm_a": ("沙坡头区沙柳湾生猪养殖场", K.FARM, "92640502MADEM00011", "640502", "沙坡头区迎水桥镇沙柳湾", "0955-0000101"),
    "farm_b": ("海原县白崖山黑猪养殖场", K.FARM, "92640522MADEM00021", "640522", "海原县白崖乡", "0955-0000102"),
    "slaughter": ("中卫市河湾生猪定点屠宰场", K.SLAUGHTERHOUSE, "91640502MADEM00031", "640502", "沙坡头区柔远镇", "0955-0000103"),
    "cutter": ("中卫市鲜切源肉品加工有限公司", K.PROCESSOR, "91640502MADEM00041", "640502", "沙坡头区工业园", "0955-0000104"),
    "wholesaler": ("中卫市四季丰农副产品批发行", K.WHOLESALER, "91640502MADEM00051", "640502", "沙坡头区蔬菜批发市场", "0955-0000105"),
    "coop_tomato": ("沙坡头区绿畦蔬菜专业合作社", K.COOPERATIVE, "93640502MADEM00061", "640502", "沙坡头区东园镇", "0955-0000106"),
    "coop_tomato_b": ("中宁县晨露蔬菜专业合作社", K.COOPERATIVE, "93640521MADEM00071", "640521", "中宁县宁安镇", "0955-0000107"),
    "coop_goji": ("中宁县红枝枸杞专业合作社", K.COOPERATIVE, "93640521MADEM00081", "640521", "中宁县舟塔乡", "0955-0000108"),
    "market_a": ("惠邻超市鼓楼店", K.SUPERMARKET, "91640502MADEM00091", "640502", "沙坡头区鼓楼东街", "0955-0000109"),
    "market_b": ("沙都生活超市应理店", K.SUPERMARKET, "91640502MADEM00101", "640502", "沙坡头区应理南街", "0955-0000110"),
    "canteen": ("沙坡头区沙柳小学食堂（演示）", K.CANTEEN, "12640502MADEM00161", "640502", "沙坡头区沙柳路", "0955-0000116"),
    "drug_maker": ("宁夏六盘清源制药有限公司", K.DRUG_MAKER, "91640100MADEM00111", "640106", "银川市金凤区", "0951-0000111"),
    "distributor": ("中卫市康达通医药有限公司", K.DRUG_DISTRIBUTOR, "91640502MADEM00121", "640502", "沙坡头区文昌镇", "0955-0000112"),
    "headquarters": ("沙枣花大药房连锁总部（演示）", K.PHARMACY_HEADQUARTERS, "91640502MADEM00171", "640502", "沙坡头区文昌北街", "0955-0000117"),
    "pharmacy_a": ("沙枣花大药房文昌店", K.PHARMACY, "91640502MADEM00131", "640502", "沙坡头区文昌北街", "0955-0000113"),
    "pharmacy_b": ("驼铃药店滨河店", K.PHARMACY, "91640502MADEM00141", "640502", "沙坡头区滨河路", "0955-0000114"),
    "pharmacy_c": ("沙枣花大药房应理店（演示）", K.PHARMACY, "91640502MADEM00181", "640502", "沙坡头区应理北街", "0955-0000118"),
    "regulator": ("中卫市市场监督管理局（演示）", K.REGULATOR, "11640500MADEM00151", "640500", "沙坡头区", "0955-0000115"),
}  # fmt: skip
LICENCES: Mapping[str, tuple[LicenceKind, str]] = {
    "slaughter": (LicenceKind.SLAUGHTER, "640502001"),
    "cutter": (LicenceKind.FOOD_PRODUCTION, "SC10464050200016"),
    "wholesaler": (LicenceKind.FOOD_BUSINESS, "JY16405020000016"),
    "market_a": (LicenceKind.FOOD_BUSINESS, "JY16405020000024"),
    "market_b": (LicenceKind.FOOD_BUSINESS, "JY16405020000032"),
    "canteen": (LicenceKind.FOOD_BUSINESS, "JY36405020000012"),
    "drug_maker": (LicenceKind.DRUG_PRODUCTION, "宁20200001"),
    "distributor": (LicenceKind.DRUG, "宁AA955000001"),
    "pharmacy_a": (LicenceKind.DRUG, "宁CA955000001"),
    "pharmacy_b": (LicenceKind.DRUG, "宁DA955000012"),
    "headquarters": (LicenceKind.DRUG, "宁BA955000001"),
    "pharmacy_c": (LicenceKind.DRUG, "宁CA955000002"),
}
HEADQUARTERS: Mapping[str, str] = {
    "pharmacy_a": "headquarters",
    "pharmacy_c": "headquarters",
}  # which stand before them
# sign-in: (organisation, role, name shown)
PEOPLE: Mapping[str, tuple[str, Role, str]] = {
    "station": ("market_a", Role.CLERK, "收货员（演示）"),
    "station2": ("market_b", Role.CLERK, "收货员（演示）"),
    "wholesale": ("wholesaler", Role.CLERK, "批发员（演示）"),
    "canteen": ("canteen", Role.CLERK, "食堂管理员（演示）"),
    "pharmacist": ("pharmacy_a", Role.PHARMACIST, "药师（演示）"),
    "pharmacist2": ("pharmacy_b", Role.PHARMACIST, "药师（演示）"),
    "manager": ("market_a", Role.ORGANISATION_ADMINISTRATOR, "店长（演示）"),
    "assistant": ("pharmacy_a", Role.CLERK, "营业员（演示）"),
    "headquarters": ("headquarters", Role.ORGANISATION_ADMINISTRATOR, "总部管理员（演示）"),
    "pharmacist3": ("pharmacy_c", Role.PHARMACIST, "药师（演示）"),
    "pharmacy_manager": ("pharmacy_a", Role.ORGANISATION_ADMINISTRATOR, "店长（演示）"),
    "inspector": ("regulator", Role.INSPECTOR, "检查员（演示）"),
    "auditor": ("regulator", Role.AUDITOR, "审计员（演示）"),
    "platform": ("platform", Role.PLATFORM_ADMINISTRATOR, "平台管理员（演示）"),
}


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What a newcomer needs: sign-ins (with whose they are), the password, one key a role, codes to try.

    `mark` is also in the store, and tells which store this is about.
    """

    mark: str
    password: str
    sign_ins: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)


def load_demonstration(
    store: Store, timezone: ZoneInfo, now: datetime, folder: Path | None = None
) -> Demonstration | None:
    """Fill an empty store with the three stories; None (and nothing done) if an organisation is registered already.

    One transaction: a start that is interrupted leaves an empty store, and the next one begins again. With a `folder`
    the answer is kept there before the store has it for good: an interruption can leave a paper about a store that
    is still empty, which nobody is shown, but never a store that nobody can sign in to.
    """
    return store.write(_load, timezone, now, folder)


def _load(session: Session, timezone: ZoneInfo, now: datetime, folder: Path | None) -> Demonstration | None:
    mark = _begin(session)
    if mark is None:
        return None
    local = now.astimezone(timezone)
    numbers = _organisations(session, local - timedelta(days=400))
    password = f"sunshine-{secrets.token_hex(4)}"
    password_hash = hash_password(password)  # once: all sign in with the same, which is printed for them
    shown = Demonstration(mark, password)
    for sign_in, (at, role, name) in PEOPLE.items():
        create_person_by_hash(
            session,
            sign_in=sign_in,
            name=name,
            password_hash=password_hash,
            role=role,
            organisation_id=numbers[at],
            now=now,
        )
        place = ORGANISATIONS[at][0] if at in ORGANISATIONS else "平台"
        shown.sign_ins[sign_in] = f"{place} · {role.value}"
        if role.value not in shown.keys:
            shown.keys[role.value] = issue_key(
                session, role=role, organisation_id=numbers[at], now=now, label="demonstration"
            )
    cast = Cast({key: _actor(session, number) for key, number in numbers.items()}, _public_ids(session, numbers), local)
    for tell in (tell_pork, tell_produce, tell_drug):
        shown.codes.update({name: quote(code, safe="") for name, code in tell(session, cast).items()})
    open_windows(session, cast)
    shown.codes.update({name: quote(code, safe="") for name, code in fill_pharmacies(session, cast).items()})
    if folder is not None:
        _keep(shown, folder)
    return shown


def find_demonstration(store: Store, folder: Path) -> Demonstration | None:
    """What was kept in the folder when this store was filled; None if it is about another store, or not there."""
    try:
        kept = Demonstration(**json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    with store.reading() as session:
        mark = session.execute(select(store_setting.c.value).where(store_setting.c.name == MARK)).scalar_one_or_none()
    return kept if kept.mark == mark else None


def _begin(session: Session) -> str | None:
    """Mark an empty store; None if it is not empty, or another process is filling it (its row is waited for)."""
    registered = select(organisation.c.id).where(organisation.c.kind != OrganisationKind.PLATFORM).limit(1)
    if session.execute(registered).first() is not None:
        return None
    mark = secrets.token_hex(8)
    row = insert_for(session, store_setting).values(name=MARK, value=mark)
    done = session.execute(row.on_conflict_do_nothing().returning(store_setting.c.name))
    return mark if done.first() is not None else None


def _keep(shown: Demonstration, folder: Path) -> None:
    """Whole or not at all, and readable by its owner only: passwords and keys are in it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=folder, prefix=".demonstration-", encoding="utf-8", delete=False) as file:
        json.dump(asdict(shown), file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(folder / FILE)


def _organisations(session: Session, since: datetime) -> dict[str, int]:
    """Register all organisations with their licences: {key: number}."""
    numbers, ids = {"platform": ensure_platform(session, now=since)}, dict[str, str]()
    for key, (name, kind, uscc, region, address, contact) in ORGANISATIONS.items():
        card = create_organisation(
            session,
            name=name,
            kind=kind,
            uscc=with_check_character(uscc),
            region=region,
            address=address,
            contact=contact,
            now=since,
            headquarters=ids.get(HEADQUARTERS.get(key, "")),
        )
        ids[key] = card["id"]
        numbers[key] = get_organisation_row(session, card["id"]).id
        if key in LICENCES:
            licence_kind, number = LICENCES[key]
            add_licence(
                session,
                actor=_actor(session, numbers[key]),
                kind=licence_kind,
                number=number,
                expires_on=(since + timedelta(days=5 * 365)).date(),
            )
    return numbers


def with_check_character(uscc: str) -> str:
    """The credit code with its last character made right (GB 32100-2015)."""
    from stdnum.cn import uscc as standard  # noqa: PLC0415 - only the demonstration makes up codes

    return uscc[:17] + str(standard.calc_check_digit(uscc[:17]))


def _actor(session: Session, number: int) -> Actor:
    row = session.execute(select(organisation).where(organisation.c.id == number)).one()
    return Actor(
        organisation=row.id,
        organisation_name=row.name,
        organisation_kind=row.kind,
        party_uri=row.party_uri,
        region=row.region,
        role=Role.ORGANISATION_ADMINISTRATOR,
    )


def _public_ids(session: Session, numbers: Mapping[str, int]) -> dict[str, str]:
    rows = dict(session.execute(select(organisation.c.id, organisation.c.public_id)).tuples().all())
    return {key: rows[number] for key, number in numbers.items()}
