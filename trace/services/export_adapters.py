"""How each kind of target is spoken to: what is sent, what an answer means, how one asks afterwards.

An adapter makes requests and reads answers; who sends them, and when, is `trace.export_work`. The insurance has no
question that a pharmacy can ask without naming a patient, so its files are confirmed and not reconciled.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from schemas import medical_insurance, trace_platform
from trace.domain.exports import Kind, Outcome, Verdict, judge_status
from trace.services.webhooks import Answer, Destination, Sending

LOCATION = "Location: "  # first line of a kept answer that said where to ask


@dataclass(frozen=True, slots=True)
class Letter:
    """A file on its way: its bytes and number, and what the other side knows the pharmacy by."""

    bill: str
    content: bytes
    media_type: str
    made_at: datetime
    account: Mapping[str, str]
    secret: str
    methods: Mapping[str, str]
    last_answer: str = ""


class Adapter(Protocol):
    """One kind of target."""

    def send(self, letter: Letter, now: datetime) -> Sending:
        """The request that hands the file over."""

    def read(self, status: int, body: bytes) -> Verdict:
        """What the answer to it means."""

    def ask(self, letter: Letter, destination: Destination, now: datetime) -> Sending | None:
        """The question whether they hold the file; None where there is none to ask."""

    def read_held(self, status: int, body: bytes, bill: str) -> Verdict:
        """What the answer to that means."""


class Insurance:
    """The medical insurance: one message a file, answered at once."""

    def send(self, letter: Letter, now: datetime) -> Sending:
        """The message, with the gateway's signature where the account names one."""
        signed = medical_insurance.sign_headers(letter.account, letter.secret, now, secrets.token_hex(8))
        return Sending("POST", letter.content, {"Content-Type": "application/json;charset=utf-8", **signed})

    def read(self, status: int, body: bytes) -> Verdict:
        """What `infcode` says."""
        return medical_insurance.read_answer(status, body)

    def ask(self, letter: Letter, destination: Destination, now: datetime) -> Sending | None:
        """Nothing: its queries ask for a person's papers. A message sent twice has the same number and is one."""
        return None

    def read_held(self, status: int, body: bytes, bill: str) -> Verdict:
        """Never asked."""
        return Verdict(Outcome.UNKNOWN)


class Platform:
    """The trace platform: a signed call a bill; what became of it is asked by the bill's number."""

    def send(self, letter: Letter, now: datetime) -> Sending:
        """The call that uploads the bill."""
        values = msgspec.json.decode(letter.content)
        return self._call(letter, "upload", values, now)

    def read(self, status: int, body: bytes) -> Verdict:
        """Whether the bill was taken."""
        return trace_platform.read_answer(status, body)

    def ask(self, letter: Letter, destination: Destination, now: datetime) -> Sending | None:
        """The call that asks for the bill."""
        sold = letter.made_at.astimezone(now.tzinfo)
        values = trace_platform.write_question(letter.bill, sold, now, letter.account)
        return self._call(letter, "status", values, now)

    def read_held(self, status: int, body: bytes, bill: str) -> Verdict:
        """Whether the bill is among those they hold."""
        return trace_platform.read_status(status, body, bill)

    def _call(self, letter: Letter, method: str, values: Mapping[str, Any], now: datetime) -> Sending:
        form = trace_platform.write_call(letter.methods[method], values, letter.account, letter.secret, now)
        return Sending("POST", form, {"Content-Type": trace_platform.FORM_TYPE})


class Repository:
    """A partner's EPCIS repository: the capture interface (EPCIS 2.0 section 12.6), whose job is asked afterwards."""

    def __init__(self, version: str):
        self._version = version

    def send(self, letter: Letter, now: datetime) -> Sending:
        """The document."""
        return Sending("POST", letter.content, {"Content-Type": letter.media_type, **self._headers(letter)})

    def read(self, status: int, body: bytes) -> Verdict:
        """202 is a job that is still working; other success is final; else a problem document says why."""
        words = _problem(body)
        if status == 202:
            return Verdict(Outcome.TAKEN, str(status), words)
        return Verdict(judge_status(status) or Outcome.CONFIRMED, str(status), words)

    def ask(self, letter: Letter, destination: Destination, now: datetime) -> Sending | None:
        """The capture job, where the answer named one on the same host."""
        first = letter.last_answer.partition("\n")[0]
        if not first.startswith(LOCATION):
            return None
        try:
            parts = urlsplit(first.removeprefix(LOCATION).strip())
            elsewhere = bool(parts.netloc) and (parts.hostname, parts.port) != _host(destination)
        except ValueError:
            return None
        if elsewhere or not parts.path.startswith("/"):
            return None
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        return Sending("GET", None, {"Accept": "application/json", **self._headers(letter)}, target)

    def read_held(self, status: int, body: bytes, bill: str) -> Verdict:
        """What the job came to; one that is no longer known says nothing."""
        job = _decoded(body)
        if judge_status(status) is not None or not isinstance(job, dict) or "running" not in job:
            return Verdict(Outcome.UNKNOWN, str(status))
        if job["running"]:
            return Verdict(Outcome.TAKEN, str(status))
        if job.get("success") is True:
            return Verdict(Outcome.CONFIRMED, str(status))
        return Verdict(Outcome.REFUSED, str(status), str(job.get("errors") or "")[:2_000])

    def _headers(self, letter: Letter) -> dict[str, str]:
        headers = {"GS1-EPCIS-Version": self._version, "GS1-CBV-Version": "2.0.0"} if self._version == "2.0.0" else {}
        return headers | ({"Authorization": f"Bearer {letter.secret}"} if letter.secret else {})


def _host(destination: Destination) -> tuple[str, int | None]:
    port = None if destination.port == (443 if destination.secure else 80) else destination.port
    return destination.host, port


def _problem(body: bytes) -> str:
    said = _decoded(body)
    if isinstance(said, dict):
        return " ".join(str(said[name]) for name in ("title", "detail") if said.get(name))[:2_000]
    return body[:500].decode("utf-8", "replace").strip()


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None


ADAPTERS: Mapping[Kind, Adapter] = {
    Kind.MEDICAL_INSURANCE: Insurance(),
    Kind.TRACE_PLATFORM: Platform(),
    Kind.EPCIS_2_0: Repository("2.0.0"),
    Kind.EPCIS_1_2: Repository("1.2"),
}


def kept_text(answer: Answer) -> str:
    """An answer as it is kept: its body, behind the place where one may ask on."""
    location = next((value for name, value in answer.headers.items() if name.lower() == "location"), "")
    head = f"{LOCATION}{location}\n" if location else ""
    return head + answer.body.decode("utf-8", "replace").replace("\x00", "�")
