"""`python -m benchmarks [NAME ...] [--json]`: run the named benchmarks, or all of them, and print their figures."""

import argparse
import importlib
import inspect
import json
import os
import platform
import signal
import sys
import time
from typing import Any

from trace import clock
from trace.log import set_up_log
from trace.revision import find_version

NAMES = (
    "capture",
    "scan-commit",
    "event_hash",
    "trace",
    "filters",
    "scan",
    "dispense",
    "pharmacy_year",
    "serve",
    "peer",
    "crash",
)


def end_properly(number: int, _frame: object) -> None:
    """Leave all blocks of the program, which end the servers that they started, instead of dying in their midst."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for; the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    # Only what is asked for is imported: each benchmark needs other parts of the project, and some take options.
    named = [name for name in NAMES if name in given] or NAMES
    modules = {name: importlib.import_module(f"benchmarks.{name.replace('-', '_')}") for name in named}
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", choices=(*NAMES, []), help=" | ".join(NAMES))
    parser.add_argument("--json", action="store_true", help="figures as one JSON object on standard output")
    parser.add_argument("--size", metavar="N,N", help="events in the stores, where the size can be chosen")
    parser.add_argument("--rounds", metavar="N", type=int, help="how often it is done, where that can be chosen")
    parser.add_argument("--store", choices=("sqlite", "postgresql"), help="only this one, where both are measured")
    parser.add_argument("--folder", metavar="FOLDER", help="where large stores lie meanwhile: 2 GB a million events")
    for name, module in modules.items():
        if hasattr(module, "add_options"):
            module.add_options(parser.add_argument_group(name))
    asked = parser.parse_args(given)
    figures: dict[str, Any] = {"machine": machine()}
    if not asked.json:
        print("machine: {cores} cores, {system}, Python {python}; commit {commit}, {date}".format(**figures["machine"]))
    for name in asked.names or NAMES:
        module = modules[name]
        started = time.monotonic()
        found = module.run(asked) if inspect.signature(module.run).parameters else module.run()
        figures[name] = found | {"seconds": round(time.monotonic() - started, 1)}
        if not asked.json:
            print(
                f"\n{module.NAME} ({figures[name]['seconds']} s)", *module.lines(figures[name]), sep="\n  ", flush=True
            )
    if asked.json:
        print(json.dumps(figures, ensure_ascii=False, indent=1))
    return 0


def machine() -> dict[str, Any]:
    """What the figures were measured on, of which commit, and when."""
    told = {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    return told | {"commit": find_version(), "date": clock.now().date().isoformat()}


if __name__ == "__main__":
    set_up_log()  # standard output is for the figures
    signal.signal(signal.SIGTERM, end_properly)
    sys.exit(main())
