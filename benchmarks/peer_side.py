"""The peer's side of `benchmarks.peer`, run in the peer's own environment: quartet_epcis over SQLite.

Reads a line of JSON for each thing to do from standard input, and answers each with a line: {"capture": FILE} parses a
document as its capture step does (`BusinessEPCISParser`, its rules enforced), {"look_up": EPC} asks its own HTTP view
for the events of a thing. Answers: {"seconds", "processor", "found"}.
"""

import importlib
import json
import sys
import time
from typing import Any

PARTS = ("quartet_capture", "quartet_masterdata", "quartet_epcis")  # the last one needs all of them


def set_up(database: str) -> Any:
    """A Django project around quartet_epcis, its tables made; the client of its views."""
    conf, django = importlib.import_module("django.conf"), importlib.import_module("django")
    conf.settings.configure(
        DEBUG=False,
        SECRET_KEY="measured",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="quartet_epcis.urls",
        USE_TZ=True,
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", *PARTS],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        LOGGING_CONFIG=None,
    )
    django.setup()
    management = importlib.import_module("django.core.management")
    management.call_command("migrate", verbosity=0)
    return importlib.import_module("django.test").Client()


def capture(file: str) -> int:
    """How many events there are after a document was captured."""
    parsing = importlib.import_module("quartet_epcis.parsing.context_parser")
    parsing.BusinessEPCISParser(file).parse()
    return int(importlib.import_module("quartet_epcis.models.events").Event.objects.count())


def look_up(client: Any, epc: str) -> int:
    """How many events are told of a thing."""
    answer = client.get(f"/events-by-entry-id/{epc}/", {"format": "json"})
    if answer.status_code != 200:
        raise RuntimeError(f"{answer.status_code}: {answer.content[:500]!r}")
    return str(answer.content).count('"eventTime":')


def main() -> None:
    """As the module says."""
    client = set_up(sys.argv[1])
    print("{}", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        processor, started = time.process_time(), time.perf_counter()
        found = capture(asked["capture"]) if "capture" in asked else look_up(client, asked["look_up"])
        told = {"seconds": time.perf_counter() - started, "processor": time.process_time() - processor, "found": found}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
