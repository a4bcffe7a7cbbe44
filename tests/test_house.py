"""The rules of the house, as tests: layers, names, sizes, marks, translations, tables. `./run check` runs them."""

import ast
import configparser
import importlib.util
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from storage.store import Store
from tests.conftest import ROOT, Databases, make_database, settings_for
from tests.differences import differences
from trace import create_app
from trace.config import SETTINGS_TABLE
from trace.domain.permissions import GRANTS, Permission, Role
from trace.web.translate import messages, read_catalogue

OURS = ("trace", "scanners", "schemas", "storage")
LONGEST_FILE, LONGEST_FUNCTION = 400, 60
FACTS = ("event", "event_document", "event_item", "event_mention", "event_party", "event_withdrawn")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def sources(*folders: str) -> Iterator[tuple[str, str]]:
    """(path from the root, text) of every Python file in these folders."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def in_version_control() -> Iterator[tuple[str, str]]:
    """(path, text) of every text file that is kept, as far as this is a checkout."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git checkout; what is kept cannot be listed")
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and b"\0" not in (data := path.read_bytes())[:8000]:
            yield name, data.decode("utf-8")


def length(node: ast.AST) -> int:
    """Lines from the definition to the end, decorators and docstring left out."""
    body = node.body  # type: ignore[attr-defined]
    first = body[0]
    says = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    docstring = first.end_lineno - first.lineno + 1 if says else 0
    return int(node.end_lineno - node.lineno + 1 - docstring)  # type: ignore[attr-defined]


# ---- who may import whom -------------------------------------------------------------------------------------------


def test_import_rules_hold() -> None:
    from importlinter.cli import lint_imports

    assert lint_imports(config_filename=str(ROOT / "setup.cfg")) == 0


def test_import_rules_are_all_there() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / "setup.cfg")
    names = {s.rpartition(":")[2] for s in contracts.sections() if s.startswith("importlinter:contract:")}
    assert {"layers", "strangers", "domain", "services", "web", "pages", "api", "epcis", "faces", "engines"} <= names


def test_every_blueprint_is_in_the_rule_that_keeps_them_apart() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / "setup.cfg")
    folders = (("pages", "trace/web/site"), ("api", "trace/web/api"), ("epcis", "trace/web/epcis"))
    for contract, folder in folders:
        named = set(contracts[f"importlinter:contract:{contract}"]["modules"].split())
        found = {
            path.removesuffix(".py").replace("/", ".")
            for path, text in sources(folder)
            if re.search(r"^blueprint = ", text, re.MULTILINE)
        }
        assert found == named


def test_trace_is_ours_and_nobody_else_wants_the_other_one() -> None:
    found = importlib.util.find_spec("trace")
    assert found is not None
    assert Path(str(found.origin)) == ROOT / "trace" / "__init__.py"
    said = subprocess.run(
        [sys.executable, "-c", "import trace; print(trace.__file__)"],
        cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(said.stdout.strip()) == ROOT / "trace" / "__init__.py"


def test_no_dependency_imports_the_standard_librarys_trace() -> None:
    wanted = re.compile(r"^[ \t]*(import trace\b|from trace\b[ .\w]* import )", re.MULTILINE)
    packages = Path(sysconfig.get_path("purelib"))
    guilty = [
        str(path.relative_to(packages))
        for path in packages.rglob("*.py")
        if b"trace" in (data := path.read_bytes()) and wanted.search(data.decode("utf-8", "replace"))
    ]
    assert guilty == []


# ---- access --------------------------------------------------------------------------------------------------------


@pytest.fixture
def app(databases: Databases, tmp_path: Path) -> Iterator[Flask]:
    """The application over an empty store."""
    made = create_app(settings_for(make_database(databases, "sqlite"), tmp_path))
    yield made
    made.extensions["sunshine"].store.close()


def test_every_route_names_a_permission_or_says_public(app: Flask) -> None:
    unmarked, named = [], set()
    for rule in app.url_map.iter_rules():
        access = getattr(app.view_functions[rule.endpoint], "access", "unmarked")
        if access is None or rule.endpoint == "static":
            continue
        if isinstance(access, Permission):
            named.add(access)
        else:
            unmarked.append(rule.rule)
    assert unmarked == []
    assert named, "some routes need a permission"


def test_every_permission_is_granted_to_somebody() -> None:
    assert set(Permission) == set().union(*GRANTS.values())
    assert GRANTS.keys() == set(Role)


def test_permissions_are_alphabetical() -> None:
    assert [p.name for p in Permission] == sorted(p.name for p in Permission)
    assert [p.value for p in Permission] == sorted(p.value for p in Permission)


# ---- how it is written ---------------------------------------------------------------------------------------------


def test_every_public_thing_has_a_docstring() -> None:
    silent = []
    for path, text in sources(*OURS, "benchmarks"):
        tree = ast.parse(text)
        places: list[tuple[str, ast.AST]] = [("", tree)]
        places += [(f"{n.name}.", n) for n in tree.body if isinstance(n, ast.ClassDef) and n.name[0] != "_"]
        if "migrations" not in path and not ast.get_docstring(tree):
            silent.append(path)
        silent += [
            f"{path}: {prefix}{node.name}"
            for prefix, place in places
            for node in place.body  # type: ignore[attr-defined]
            if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and node.name[0] != "_" and not ast.get_docstring(node)
            if "migrations" not in path
        ]
    assert silent == []


def test_no_file_and_no_function_is_too_long() -> None:
    long = []
    for path, text in sources(*OURS, "benchmarks", "tests"):
        if "migrations" in path:
            continue
        lines = text.count("\n")
        if lines > LONGEST_FILE:
            long.append(f"{path}: {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, FUNCTIONS) and length(node) > LONGEST_FUNCTION:
                long.append(f"{path}: {node.name} has {length(node)} lines")
    assert long == []


def test_nothing_is_left_to_do() -> None:
    mark = re.compile("\\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + ")\\b")
    assert [path for path, text in in_version_control() if mark.search(text)] == []


def test_every_test_asserts_something() -> None:
    idle = []
    for path, text in sources("tests"):
        tree = ast.parse(text)
        checkers = {n.name for n in tree.body if isinstance(n, FUNCTIONS) and asserts(n, set())}
        idle += [
            f"{path}: {node.name}"
            for node in ast.walk(tree)
            if isinstance(node, FUNCTIONS) and node.name.startswith("test_") and not asserts(node, checkers)
        ]
    assert idle == []


def asserts(function: ast.AST, checkers: set[str]) -> bool:
    """Whether a function can fail on purpose: assert, pytest.raises, pytest.fail, or a checker of the file."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Attribute) and node.attr in ("raises", "fail"):
            return True
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
            if name in checkers or name.startswith(("check_", "expect", "assert_")):
                return True
    return False


def test_nobody_sleeps() -> None:
    # Waits for a port that another program opens; kills a server at moments drawn by lot, and asks until it is back.
    allowed = {"tests/servers.py", "benchmarks/crash.py"}
    call = re.compile(r"\bsleep\(|wait_for_timeout\(")
    found = {path for path, text in sources(*OURS, "tests", "benchmarks") if call.search(text)}
    assert found - allowed - {"tests/test_house.py"} == set()


def test_no_path_leads_out_of_the_project() -> None:
    absolute, shared = re.compile("/wo" + "rk/"), re.compile(r"\bshared/|[\"']shared[\"']")
    reads_shared = ("tests/", "benchmarks/")  # the team's photos and specification files; skipped where absent
    kept = list(in_version_control())
    assert [path for path, text in kept if absolute.search(text)] == []
    assert [path for path, text in kept if shared.search(text) and not path.startswith(reads_shared)] == []


# ---- words ---------------------------------------------------------------------------------------------------------


def test_every_text_people_may_see_has_a_chinese_translation() -> None:
    catalogue = read_catalogue()
    missing = sorted(
        text for text in messages() if (known := catalogue.get(text)) is None or not known.string or known.fuzzy
    )
    assert missing == []


def test_every_translation_fills_in_the_same_values() -> None:
    braces = re.compile(r"\{(\w*)\}|%\((\w+)\)s")
    wrong = [
        message.id
        for message in read_catalogue()
        if message.id and message.string and set(braces.findall(message.id)) != set(braces.findall(message.string))
    ]
    assert wrong == []


def test_readme_lists_every_setting_as_it_is() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = [tuple(cell.strip() for cell in row) for row in re.findall(r"^\|([^|]+)\|([^|]+)\|([^|]+)\|$", readme, re.M)]
    listed = [(name.strip("`"), default, what) for name, default, what in rows if "SUNSHINE_" in name]
    assert listed == [tuple(row) for row in SETTINGS_TABLE]


# ---- tables --------------------------------------------------------------------------------------------------------


def test_migrations_lead_to_the_tables_of_the_code(store: Store) -> None:
    assert differences(store) == []


def test_facts_are_only_ever_inserted() -> None:
    names = "|".join(FACTS)
    change = re.compile(
        rf"\b(update|delete)\(\s*(?:\w+\.)?({names})\s*[,)]"
        rf"|\b({names})\.(update|delete)\("
        rf"|\b(UPDATE|DELETE\s+FROM)\s+({names})\b"
    )
    guilty = [
        f"{path}: {found.group()}" for path, text in sources("storage", "trace") for found in change.finditer(text)
    ]
    # What stood beside the documents, worked out of them, in a table of its own before; no fact changed.
    assert guilty == ["storage/migrations/versions/0006_city.py: UPDATE event_document"]
    upsert = re.compile(r"on_conflict_do_update")
    inserted = [
        path
        for path, text in sources("storage", "trace")
        for call in re.finditer(rf"insert_for\(session, ({names})\)((?:.|\n){{0,400}})", text)
        if upsert.search(call.group(2).split("insert_for(")[0])
    ]
    assert inserted == []


def test_what_writes_is_run_again_where_it_lost_against_another() -> None:
    """`Store.writing` gives a transaction once: only the request, which `run_again` answers anew, opens one itself."""
    once = [path for path, text in sources("trace") for _ in re.finditer(r"\.writing\(\)", text)]
    assert [str(path) for path in once] == ["trace/web/application.py"]
