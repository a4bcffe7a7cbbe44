"""Looks on a real streaming replica: one's own changes are always seen, and without the replica all goes on."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from time import monotonic

import pytest
from sqlalchemy import func, make_url, select
from sqlalchemy.exc import OperationalError

from storage.postgresql import ASKING, MOST_CONNECTIONS
from storage.pulse import Pulse
from storage.replicas import BEHIND, FAILED, REST, SAMPLED, STRANGE, Replica, ReplicaLeft
from storage.store import open_store
from storage.tables import lookup_log
from storage.tenancy import EVERYTHING
from tests.conftest import Databases, as_service
from tests.gate import Gate
from tests.replicas import replica_of, standing_still
from tests.servers import database_gone, database_silent
from tests.web.conftest import Browser, Demo, demonstration
from tests.web.epcis.conftest import Partner, event
from tests.web.test_operations import change, figures, grown
from trace.services.health import check_row_security
from trace.web.access import SAFE_METHODS
from trace.web.positions import HEADER, IN_SESSION

CODE = "81502310064000000010"
TOLD = "sunshine_replica_looks_total outcome="


class Clock:
    """A clock that goes on only when told to, or when somebody waits."""

    now = 0.0

    def __call__(self) -> float:
        """The time, in seconds."""
        return self.now

    def pause(self, seconds: float) -> None:
        """Wait."""
        self.now += seconds


@pytest.fixture(scope="module")
def address(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, str]]:
    """The demonstration on PostgreSQL, and the address of a replica of its server."""
    with (
        demonstration(databases, "postgresql", tmp_path_factory.mktemp("replica")) as demo,
        replica_of(str(databases.server)) as server,
    ):
        yield demo, server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def demo(address: tuple[Demo, str], clock: Clock) -> Iterator[Demo]:
    """The application over primary and replica, the replica's clock in the test's hand."""
    made, server = address
    with over_replica(made, made.app.extensions["sunshine"].settings.database_url, server, clock) as demo:
        yield demo


@contextmanager
def over_replica(made: Demo, url: str, server: str, clock: Clock) -> Iterator[Demo]:
    """The application over the primary at an address, and the database of that name on the replica's server."""
    replica_url = as_service(f"{server}/{url.rpartition('/')[2]}")
    before, store = made.app.extensions["sunshine"], open_store(url, replica_url)
    real = store.replica
    assert real is not None
    store.replica = Replica(real.engine, real.primary, real.pulse, clock=clock, pause=clock.pause)
    change(made, store=store)
    yield replace(made, client=made.app.test_client(), store=store.seeing(EVERYTHING))
    store.close()
    made.app.extensions["sunshine"] = before


@contextmanager
def outcomes(demo: Demo) -> Iterator[dict[str, float]]:
    """How often a replica was asked within the block, by outcome; filled in at its end."""
    before, found = figures(demo.client), dict[str, float]()
    yield found
    told = grown(before, figures(demo.client))
    found |= {name.removeprefix(TOLD): count for name, count in told.items() if name.startswith(TOLD)}


def until_it_follows(demo: Demo, clock: Clock) -> None:
    """Return when the replica has come to where the primary is by now."""
    while True:
        clock.now += REST
        with suppress(ReplicaLeft), demo.store.at_replica(0):
            return


def superuser_at(replica: Replica) -> str:
    """The address of a replica for who may do everything there."""
    return replica.engine.url.set(username="postgres").render_as_string(False)


@contextmanager
def paused(demo: Demo, clock: Clock) -> Iterator[None]:
    """The replica shows nothing within the block that was not there before it."""
    until_it_follows(demo, clock)
    assert demo.store.replica is not None
    with closing(open_store(superuser_at(demo.store.replica))) as above, standing_still(above.engine):
        yield


def new_supplier(browser: Browser, name: str) -> None:
    """Somebody writes a supplier down."""
    answer = browser.post("/suppliers/new", {"name": name, "kind": "wholesaler"}, at="/suppliers/new")
    assert answer.status_code in (302, 303), answer.text


def test_who_changed_something_sees_it_and_others_a_moment_later(demo: Demo, clock: Clock) -> None:
    one, other = demo.browser("station"), demo.browser("station")
    with paused(demo, clock), outcomes(demo) as asked:
        new_supplier(one, "陈记批发")
        assert "陈记批发" in one.get("/suppliers").text, "the primary answers"
        assert "陈记批发" not in other.get("/suppliers").text, "the replica answers who changed nothing"
    assert asked == {"ok": 1, "behind": 1}
    until_it_follows(demo, clock)
    with outcomes(demo) as asked:
        assert "陈记批发" in one.get("/suppliers").text
    assert asked == {"ok": 1}


def test_nobody_is_shown_what_is_older_than_three_seconds(demo: Demo, clock: Clock) -> None:
    one, other = demo.browser("station"), demo.browser("station")
    with paused(demo, clock), outcomes(demo) as asked:
        new_supplier(one, "王记批发")
        for _ in range(2):
            clock.now += SAMPLED * 1.4
            seen = other.get("/suppliers").text
        assert "王记批发" in seen
        assert demo.client.get("/health").json["replica"].startswith("it is more than three seconds behind")
        assert demo.client.get("/health").json["status"] == "ok"
        assert figures(demo.client)["sunshine_replica_up"] == 0
        assert figures(demo.client)["sunshine_replica_behind_bytes"] > 0
    assert asked == {"ok": 1, "behind": 1}
    until_it_follows(demo, clock)
    with outcomes(demo) as asked:
        assert "王记批发" in other.get("/suppliers").text
    assert asked == {"ok": 1}
    assert demo.client.get("/health").json["replica"] == "ok"


def test_software_is_shown_this_moment_or_from_the_position_on_that_it_sends(demo: Demo, clock: Clock) -> None:
    partner, made = Partner(demo, "clerk"), event()
    before = partner.capture(event()).headers[HEADER]
    thing = f"/epcis/v2/events?MATCH_epc={made['epcList'][0]}"
    with paused(demo, clock), outcomes(demo) as asked:
        captured = partner.capture(made)
        position = captured.headers[HEADER]
        assert int(position) > int(before)

        def found(sent: str | None) -> bool:
            headers = demo.headers("clerk") | ({} if sent is None else {HEADER: sent})
            answer = demo.client.get(thing, headers=headers)
            assert answer.status_code == 200, answer.text
            return made["eventID"] in answer.text

        assert not found(before)
        assert found(None)
        assert found(position)
        assert found("yesterday"), "what is no position is none"
        assert found("9" * 30)
    assert asked == {"behind": 4, "ok": 1}


def test_a_position_that_the_primary_never_came_to_is_this_moment(demo: Demo, clock: Clock) -> None:
    until_it_follows(demo, clock)
    with outcomes(demo) as asked:
        answer = demo.client.get("/epcis/v2/events", headers=demo.headers("clerk") | {HEADER: "9" * 19})
        assert answer.status_code == 200
        browser = demo.browser("station")
        with browser.client.session_transaction() as kept:  # as after the primary came back from a backup
            kept[IN_SESSION] = 10**15
        assert browser.get("/suppliers").status_code == 200
    assert asked == {"ok": 2}


def test_a_look_that_is_written_down_is_written_on_the_primary_and_seen_at_once(demo: Demo, clock: Clock) -> None:
    def looks() -> int:
        with demo.store.reading() as session:
            return int(session.execute(select(func.count()).select_from(lookup_log)).scalar_one())

    before = looks()
    until_it_follows(demo, clock)
    with outcomes(demo) as asked:
        seen = demo.get(f"/trace?code={CODE}", "inspector")
        until_it_follows(demo, clock)
        unknown = demo.get("/trace?code=81502310069999999999", "inspector")
    assert (seen.status_code, unknown.status_code, asked) == (200, 404, {"ok": 2})
    assert looks() == before + 2
    assert HEADER in seen.headers
    assert HEADER in unknown.headers


def test_whoever_only_looks_is_told_no_position_and_given_no_cookie(demo: Demo) -> None:
    for answer in (demo.client.get(f"/t/{CODE}"), demo.get("/stock")):
        assert answer.status_code == 200
        assert not {HEADER, "Set-Cookie"} & set(answer.headers.keys())
    browser = demo.browser("station")
    assert browser.client.get_cookie("session") is not None
    browser.post("/sign-out", {})
    assert browser.client.get_cookie("session") is None, "who signs out keeps no cookie for a position"


def test_what_the_replica_answers_could_be_asked_of_it(demo: Demo, clock: Clock) -> None:
    rules = [
        rule.rule
        for rule in demo.app.url_map.iter_rules()
        if getattr(demo.app.view_functions[rule.endpoint], "from_replica", False)
        if not rule.arguments and not rule.rule.endswith((".pdf", ".xlsx"))
    ]
    browsers = [demo.browser(who) for who in ("pharmacy_manager", "inspector", "auditor", "headquarters")]
    until_it_follows(demo, clock)
    with outcomes(demo) as asked:
        seen = {rule for rule in rules if any(browser.get(rule).status_code == 200 for browser in browsers)}
    assert len(seen) > 20
    assert asked["ok"] > 20
    assert set(asked) <= {"ok", "behind"}, "none of them writes or locks anything"


def test_only_looks_are_answered_by_a_replica_and_never_what_a_counter_decides_on(demo: Demo) -> None:
    views = demo.app.view_functions
    marked = {name for name, view in views.items() if getattr(view, "from_replica", False)}
    methods = {rule.endpoint: set(rule.methods or ()) for rule in demo.app.url_map.iter_rules()}
    assert all(methods[name] <= SAFE_METHODS and not getattr(views[name], "writes", False) for name in marked)
    at_the_counter = {
        name
        for name in views
        if name.startswith(("counter.", "pharmacy.", "receiving.", "acceptance.", "api_acceptance.", "scan.", "duty."))
    }
    assert (
        marked & (at_the_counter | {"api_pharmacy.get_check", "api_photos.get_code", "api_safety.get_reach"}) == set()
    )


def test_replica_that_is_asked_as_a_role_that_sees_everything_is_told(demo: Demo, clock: Clock) -> None:
    replica = demo.store.replica
    assert replica is not None
    until_it_follows(demo, clock)
    assert demo.client.get("/health").json["row_security"] == "ok"
    with closing(open_store(superuser_at(replica))) as above, demo.store.reading() as session:
        wrong = Replica(above.engine, demo.store.engine, replica.pulse, clock=clock, pause=clock.pause)
        assert "SUNSHINE_REPLICA_URL" in check_row_security(session, wrong)


def test_a_server_that_is_no_replica_of_ours_is_never_asked(demo: Demo) -> None:
    ours, other = demo.store.engine, open_store(demo.store.url.rpartition("/")[0] + "/postgres").engine
    assert demo.store.replica is not None
    elsewhere = open_store(demo.store.replica.engine.url.set(database="postgres").render_as_string(False)).engine
    for engine, primary in ((ours, ours), (elsewhere, ours)):
        with pytest.raises(ReplicaLeft, match=STRANGE), Replica(engine, primary, Pulse()).caught_up(0):
            pass
    for engine in (other, elsewhere):
        engine.dispose()


def test_without_its_replica_the_primary_answers_until_it_is_back(demo: Demo, clock: Clock) -> None:
    assert demo.store.replica is not None
    server = superuser_at(demo.store.replica)
    until_it_follows(demo, clock)
    with outcomes(demo) as asked, database_gone(server):
        assert [demo.get("/stock").status_code for _ in range(3)] == [200] * 3
        assert demo.client.get(f"/t/{CODE}").status_code == 200
        health = demo.client.get("/health").json
        assert (health["status"], health["replica"].partition(";")[0]) == ("ok", "it does not answer")
    assert asked == {"failed": 1, "gone": 3}, "whose connection was lost, and who left it alone afterwards"
    until_it_follows(demo, clock)
    with outcomes(demo) as asked:
        demo.get("/stock")
    assert asked == {"ok": 1}


def test_a_question_that_took_too_long_on_the_replica_is_not_asked_of_the_primary_as_well(
    demo: Demo, clock: Clock
) -> None:
    until_it_follows(demo, clock)
    dear = "BEGIN; SET LOCAL statement_timeout = 50; SELECT count(*) FROM generate_series(1, 10000000000)"
    assert demo.store.replica is not None
    with pytest.raises(OperationalError, match="statement timeout"), demo.store.replica.caught_up(0) as connection:
        connection.exec_driver_sql(dear, execution_options={"no_parameters": True})
    with outcomes(demo) as asked:
        assert demo.get("/stock").status_code == 200
    assert asked == {"ok": 1}, "it is asked on"


def test_while_the_primary_is_gone_the_public_sees_what_the_replica_has(demo: Demo, clock: Clock) -> None:
    until_it_follows(demo, clock)
    with database_gone(demo.owner.url):
        clock.now += SAMPLED
        assert demo.client.get(f"/t/{CODE}").status_code == 200
        assert demo.get("/stock").status_code == 503
    while demo.get("/stock").status_code == 503:
        pass


def test_a_primary_that_says_nothing_keeps_no_look_waiting(demo: Demo, clock: Clock) -> None:
    browser, harvester = demo.browser("station"), demo.headers("clerk")
    new_supplier(browser, "李记批发")
    until_it_follows(demo, clock)
    with database_silent(demo.owner.url) as over:
        for _ in range(3):
            clock.now += SAMPLED
            assert demo.client.get(f"/t/{CODE}").status_code == 200, "who wrote nothing is answered by the replica"
            for told in (browser.get("/suppliers"), demo.client.get("/epcis/v2/events", headers=harvester)):
                assert told.status_code == 503, "who they are, only the primary knows"
                assert "Retry-After" in told.headers
        assert demo.store.replica is not None
        with database_gone(superuser_at(demo.store.replica)):
            assert demo.client.get(f"/t/{CODE}").status_code == 503
        assert not over.is_set(), "all that was said before the primary said anything"
    while browser.get("/suppliers").status_code == 503:
        pass
    assert "李记批发" in browser.get("/suppliers").text


def test_a_primary_that_answers_slowly_is_waited_for_and_not_called_silent(
    address: tuple[Demo, str], clock: Clock
) -> None:
    made, server = address
    url = make_url(made.app.extensions["sunshine"].settings.database_url)
    with Gate(url.port or 0) as way:
        slow = url.set(port=way.port).render_as_string(False)
        with over_replica(made, slow, server, clock) as demo:
            browser = demo.browser("station")
            until_it_follows(demo, clock)
            assert browser.get("/suppliers").status_code == 200
            way.delay = 1.2
            for _ in range(2):
                clock.now += SAMPLED
                assert browser.get("/suppliers").status_code == 200
                assert demo.client.get(f"/t/{CODE}").status_code == 200
            way.delay = 0.0


def test_a_primary_that_does_not_say_how_far_it_is_is_silent_only_if_nobody_is_answered(
    demo: Demo, clock: Clock
) -> None:
    replica = demo.store.replica
    assert replica is not None
    until_it_follows(demo, clock)
    with ExitStack() as held, ThreadPoolExecutor() as beside:
        for _ in range(ASKING):
            held.enter_context(replica.primary.connect())
        clock.now += SAMPLED
        asked = [beside.submit(replica.is_primary_silent), beside.submit(replica.caught_up(0).__enter__)]
        while wait(asked, timeout=0.2).not_done:
            assert demo.store.write(lambda session: session.scalar(select(1))) == 1
        assert not asked[0].result(), "it is only busy"
        with pytest.raises(ReplicaLeft, match=FAILED):
            asked[1].result()
        end = monotonic() + 60
        while not replica.is_primary_silent():  # until nobody was answered for as long as it is waited for
            assert monotonic() < end


def test_a_primary_whose_connections_are_all_taken_is_busy_and_not_silent(demo: Demo, clock: Clock) -> None:
    replica = demo.store.replica
    assert replica is not None
    until_it_follows(demo, clock)
    with ExitStack() as held:
        for _ in range(MOST_CONNECTIONS):
            held.enter_context(demo.store.engine.connect())
        clock.now += SAMPLED
        assert not replica.is_primary_silent()
        assert demo.client.get(f"/t/{CODE}").status_code == 200
    assert demo.get("/stock").status_code == 200


def test_who_changed_something_sees_it_on_the_replica_while_the_primary_says_nothing(demo: Demo, clock: Clock) -> None:
    replica = demo.store.replica
    assert replica is not None
    new_supplier(demo.browser("station"), "赵记批发")
    until_it_follows(demo, clock)
    position = replica.position()
    with database_silent(demo.owner.url) as over:
        clock.now += SAMPLED
        assert replica.is_primary_silent()
        with replica.caught_up(position) as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1
        for wanted, why in ((position + 10**6, BEHIND), (None, FAILED)):
            with pytest.raises(ReplicaLeft, match=why), replica.caught_up(wanted):
                pass
        assert not over.is_set()
    while replica.is_primary_silent():
        pass
