"""The worker's steps of exports, where it stood still for longer than its lease and another one took over."""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from storage import jobs
from storage.tables import export_target, job
from tests.other_side import other_side
from tests.servers import no_room_for
from tests.services.export_shop import KEY, Shop
from tests.town import Town
from trace.domain.exports import Kind
from trace.export_work import _end_round, _note_asked
from trace.services.export_files import ASK
from trace.services.export_sending import next_to_ask, pace_of
from trace.services.exports import export_seal
from trace.workplace import LeaseLost


def reached(session: Session) -> object:
    """How far the target is told, and asked for."""
    return session.scalars(select(export_target.c.reached)).one()


def test_who_wakes_up_too_late_leaves_alone_how_far_the_questions_of_the_night_are(town: Town) -> None:
    codes = town.packs(3)
    with other_side() as side:
        shop = Shop(town, side)
        town.drugs_at(shop.actor, codes)
        target = shop.target(Kind.TRACE_PLATFORM, "/platform")
        for code in codes:
            shop.sell(code)
            shop.make(target)
        shop.work(until=timedelta(hours=10, minutes=29))  # 20:29: nobody asked yet
        with town.store.writing() as session:
            asks = job.c.kind == ASK
            session.execute(job.update().where(asks).values(due_at=shop.now))
            late = jobs.take(session, now=shop.now, lease="late", until=shop.now, ready=asks)
        assert late is not None
        with town.store.reading() as session:
            errand = next_to_ask(session, late.subject, seal=export_seal(KEY), now=shop.now)
            pace = pace_of(session, late.subject, now=shop.now, kind=ASK)
            before = reached(session)
        assert errand is not None
        assert pace is not None
        shop.work()  # the other one asks for all
        for act in (
            partial(_note_asked, errand=errand, due_at=shop.now, now=shop.now),
            partial(_end_round, pace=pace, now=shop.now),
        ):
            with pytest.raises(LeaseLost):
                town.store.write(act, taken=late)
        with town.store.reading() as session:
            assert reached(session) == before


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_the_database_has_no_room_for_is_tried_again_soon_and_not_at_night(town: Town, database_url: str) -> None:
    with other_side() as side:
        shop = Shop(town, side)
        codes = town.packs(1)
        town.drugs_at(shop.actor, codes)
        shop.make(shop.target(Kind.EPCIS_2_0, "/capture"))
        with no_room_for(database_url, "export_file"):
            for _ in range(5):
                with pytest.raises(OperationalError, match="no room"):
                    shop.work()
                shop.now += timedelta(seconds=30)
        shop.work()
        assert shop.states() == ["sent"]
        assert list(side.held.values()) == [1]
