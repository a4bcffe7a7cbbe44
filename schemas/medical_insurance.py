"""The medical insurance's messages 3503 to 3507 (国家医保信息平台接口规范): written, and their answers read.

Fields as the interface names them; only those that a pharmacy's records hold. What names a person who buys (`psn_no`,
`certno`, `psn_name`) or prescribes is left out: nobody here knows it. Several records of one kind go in one message as
a list, as provinces' batch variants take them.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from trace.domain.exports import Form, Outcome, Record, Verdict, judge_status

MEDIA_TYPE = "application/json"
NODES = {
    Form.PURCHASE: "purcinfo",
    Form.PURCHASE_RETURN: "purcinfo",
    Form.SALE: "selinfo",
    Form.SALE_RETURN: "selinfo",
    Form.WITHDRAWAL: "data",
}
# inv_data_type: 1 stock count, 2 stock change, 3 purchases, 4 sales; returns are of what they are returns of.
_DATA_TYPES = {Form.PURCHASE: "3", Form.PURCHASE_RETURN: "3", Form.SALE: "4", Form.SALE_RETURN: "4"}
_RX = {"rx": "1", "otc_a": "0", "otc_b": "0"}
_LISTED, _BATCH, _NAME = 50, 30, 200
_MOMENT = "%Y-%m-%d %H:%M:%S"
_SUCCESS = "0"


def write_message(
    form: Form, records: Sequence[Record], account: Mapping[str, str], *, msgid: str, now: datetime
) -> bytes:
    """A message with some records of one form, as UTF-8 JSON; `msgid` is its number, by which it is known again."""
    body = {
        "infno": form.value,
        "msgid": msgid,
        "mdtrtarea_admvs": account.get("region", ""),
        "insuplc_admdvs": account.get("region", ""),
        "recer_sys_code": account.get("system", ""),
        "infver": "V1.0",
        "opter_type": "1",
        "opter": account.get("operator", ""),
        "opter_name": account.get("operator", ""),
        "inf_time": now.strftime(_MOMENT),
        "fixmedins_code": account.get("code", ""),
        "fixmedins_name": account.get("name", "")[:_NAME],
        "input": {NODES[form]: [_WRITERS[form](record) for record in records]},
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _drug(record: Record) -> dict[str, Any]:
    return {
        "med_list_codg": (record.listing or "")[:_LISTED],
        "fixmedins_hilist_id": record.product_id[:_BATCH],
        "fixmedins_hilist_name": record.name[:_NAME],
        "fixmedins_bchno": record.number,
        "manu_lotnum": record.lot_number[:_BATCH],
        "manu_date": _day(record.produced_on),
        "expy_end": _day(record.expires_on),
        "rx_flag": _RX.get(record.prescription or "", "0"),
        "memo": "",
        "drugtracinfo": [{"drug_trac_codg": code} for code in record.codes],
    }


def _purchase(record: Record) -> dict[str, Any]:
    return _drug(record) | {
        "spler_name": record.partner[:_NAME],
        "prodentp_name": record.producer[:_NAME],
        "aprvno": record.approval_no,
        "finl_trns_pric": _number(record.price, 6),
        "purc_retn_cnt": _number(record.amount, 4),
        "purc_invo_no": record.document[:50],
        "purc_retn_stoin_time": record.happened_at.strftime(_MOMENT),
        "purc_retn_opter_name": record.operator[:50],
    }


def _sale(record: Record) -> dict[str, Any]:
    return _drug(record) | {
        "mdtrt_sn": record.document,
        "rtal_docno": record.document,
        "trdn_flag": "1" if record.split else "0",
        "finl_trns_pric": _number(record.price, 6),
        "sel_retn_cnt": _number(record.amount, 4),
        "sel_retn_time": record.happened_at.strftime(_MOMENT),
        "sel_retn_opter_name": record.operator[:50],
    }


def _withdrawal(record: Record) -> dict[str, Any]:
    return {"fixmedins_bchno": record.number, "inv_data_type": _DATA_TYPES[record.withdraws or Form.PURCHASE]}


_WRITERS = {
    Form.PURCHASE: _purchase,
    Form.PURCHASE_RETURN: _purchase,
    Form.SALE: _sale,
    Form.SALE_RETURN: _sale,
    Form.WITHDRAWAL: _withdrawal,
}


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _number(value: Decimal | None, decimals: int) -> str:
    if value is None:
        return ""
    return format(value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP).normalize() + 0, "f")


def sign_headers(account: Mapping[str, str], secret: str, now: datetime, nonce: str) -> dict[str, str]:
    """The gateway's headers: who calls, when, and SHA-256 over time, secret, nonce and time again."""
    if not account.get("gateway"):
        return {}
    moment = str(int(now.timestamp()))
    digest = hashlib.sha256(f"{moment}{secret}{nonce}{moment}".encode()).hexdigest().upper()
    return {
        "x-tif-paasid": account["gateway"],
        "x-tif-timestamp": moment,
        "x-tif-nonce": nonce,
        "x-tif-signature": digest,
    }


def read_answer(status: int, body: bytes) -> Verdict:
    """What an answer means. What is no answer of the insurance (a gateway's page) is asked for again."""
    by_status = judge_status(status)
    said = _object(body)
    if by_status is not None and "infcode" not in said:
        return Verdict(by_status, str(status), body[:500].decode("utf-8", "replace").strip())
    if "infcode" not in said:
        return Verdict(Outcome.AGAIN, str(status), body[:500].decode("utf-8", "replace").strip())
    code, words = str(said["infcode"]), str(said.get("err_msg") or "")[:2_000]
    if code != _SUCCESS:
        return Verdict(Outcome.REFUSED, code, words)
    output = said.get("output")
    result = output.get("result") if isinstance(output, dict) else None
    if isinstance(result, dict) and str(result.get("retRslt", "1")) != "1":
        return Verdict(Outcome.REFUSED, str(result["retRslt"]), str(result.get("msgRslt") or "")[:2_000])
    return Verdict(Outcome.CONFIRMED, code, words)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
