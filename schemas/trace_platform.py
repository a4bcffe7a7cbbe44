"""The trace platform's retail bills (码上放心, 零售单据上传): written, signed, and the platform's answers read.

A call is a form of parameters with a signature over them (the platform's open gateway: HMAC over names and values in
order of their names). The file holds the bill; account, time and signature are added when it is sent.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from trace.domain.exports import Form, Outcome, Record, Verdict, judge_status

MEDIA_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded;charset=utf-8"
BILL_TYPES = {Form.RETAIL_BILL: 321, Form.RETAIL_RETURN: 116}  # billType: 零售出库, 消费者退货入库
ALL_BILLS = "A"  # of a question: AI asks for what came in, AO for what went out
SPECIAL, COMMON = 2, 3  # physicType: 特药, 普药
_MOMENT = "%Y-%m-%d %H:%M:%S"
# Codes of the gateway that speak of us and not of the bill: session, key, signature.
_NOT_LET_IN = frozenset({"11", "12", "13", "25", "26", "27", "28", "29", "30"})
_BUSY = frozenset({"7", "10"})  # too many calls; the service behind the gateway is out of reach
_WORKING, _DONE, _FAILED = "0", "3", "4"  # dealStatus


def write_bill(
    form: Form, records: Sequence[Record], account: Mapping[str, str], *, bill: str, special: bool, now: datetime
) -> bytes:
    """A bill over the codes of some sales, or of what came back of them, as JSON of its parameters."""
    values = {
        "billCode": bill,
        "billTime": now.strftime(_MOMENT),
        "billType": BILL_TYPES[form],
        "physicType": SPECIAL if special else COMMON,
        "refUserId": account.get("ref_user_id", ""),
        "operIcCode": account.get("app_key", ""),
        "clientType": 2,
        "traceCodes": ",".join(code for record in records for code in record.codes),
    }
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


def write_call(method: str, values: Mapping[str, Any], account: Mapping[str, str], secret: str, now: datetime) -> bytes:
    """The form of a call, signed; `now` carries the platform's time zone (that of the pharmacy)."""
    call = {snake(name): str(value) for name, value in values.items()}
    call |= {
        "method": method,
        "app_key": account.get("app_key", ""),
        "timestamp": now.strftime(_MOMENT),
        "format": "json",
        "v": "2.0",
        "sign_method": "hmac-sha256",
    }
    if account.get("session"):
        call["session"] = account["session"]
    return urlencode(call | {"sign": sign(call, secret)}).encode()


def snake(name: str) -> str:
    """A parameter as the gateway spells it: bill_code for billCode."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def sign(call: Mapping[str, str], secret: str) -> str:
    """HMAC-SHA256 under the secret over names and values, by name; upper-case hexadecimal."""
    text = "".join(f"{name}{call[name]}" for name in sorted(call) if call[name])
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest().upper()


def write_question(bill: str, sold: datetime, now: datetime, account: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of the question what became of a bill (单据处理状态查询)."""
    return {
        "refEntId": account.get("ref_user_id", ""),
        "beginDate": sold.date().isoformat(),
        "endDate": now.date().isoformat(),
        "billType": ALL_BILLS,
        "billCode": bill,
        "pageSize": 20,
        "page": 1,
    }


def read_answer(status: int, body: bytes) -> Verdict:
    """What the answer to a bill means."""
    result, verdict = _result(status, body)
    if verdict is not None:
        return verdict
    code, words = str(result.get("msg_code") or ""), str(result.get("msg_info") or "")[:2_000]
    if str(result.get("response_success", "")).lower() == "true":
        return Verdict(Outcome.CONFIRMED, code, words)
    return Verdict(Outcome.REFUSED, code, words)


def read_status(status: int, body: bytes, bill: str) -> Verdict:
    """What the answer to the question after a bill means: held, missing, failed, or still worked on."""
    result, verdict = _result(status, body)
    if verdict is not None:
        # A question that is refused says nothing about the bill.
        return Verdict(Outcome.UNKNOWN, *_said(verdict)) if verdict.outcome is Outcome.REFUSED else verdict
    code, words = str(result.get("msg_code") or ""), str(result.get("msg_info") or "")[:2_000]
    if str(result.get("response_success", "")).lower() != "true":
        return Verdict(Outcome.UNKNOWN, code, words)
    for found in _bills(result.get("model")):
        if str(found.get("bill_code")) == bill:
            dealt = str(found.get("deal_status"))
            outcome = {_DONE: Outcome.CONFIRMED, _WORKING: Outcome.TAKEN, _FAILED: Outcome.REFUSED}
            return Verdict(outcome.get(dealt, Outcome.UNKNOWN), dealt, str(found.get("deal_result") or words)[:2_000])
    return Verdict(Outcome.MISSING, code, words)


def _said(verdict: Verdict) -> tuple[str, str]:
    return verdict.code, verdict.message


def _result(status: int, body: bytes) -> tuple[dict[str, Any], Verdict | None]:
    """The result of a call that came through; else what its failure means."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    shown = body[:500].decode("utf-8", "replace").strip()
    if not isinstance(said, dict):
        return {}, Verdict(judge_status(status) or Outcome.AGAIN, str(status), shown)
    error = said.get("error_response")
    if isinstance(error, dict):
        return {}, _gateway(error)
    result = next((one.get("result") for one in said.values() if isinstance(one, dict)), None)
    if isinstance(result, dict):
        return result, None
    return {}, Verdict(judge_status(status) or Outcome.AGAIN, str(status), shown)


def _gateway(error: Mapping[str, Any]) -> Verdict:
    code, sub = str(error.get("code", "")), str(error.get("sub_code", ""))
    words = " ".join(str(error[name]) for name in ("msg", "sub_msg") if error.get(name))[:2_000]
    if code in _NOT_LET_IN:
        return Verdict(Outcome.LOCKED, sub or code, words)
    # isp: the service behind; isv: the caller.
    return Verdict(Outcome.AGAIN if code in _BUSY or sub.startswith("isp.") else Outcome.REFUSED, sub or code, words)


def _bills(model: Any) -> Iterator[dict[str, Any]]:
    """The bills in a page, in any of the nestings in which the gateway writes a list."""
    waiting = [model]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict) and "bill_code" in found:
            yield found
        elif isinstance(found, dict):
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)
