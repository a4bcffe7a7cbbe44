"""The decision against findings: what nobody may accept or release, what takes a reason, what takes two people.

Which it is stands in the rule book (`override.<rule>`). The second person says so with sign-in and password on the
same screen; the password is checked and forgotten: it is in no record, no log, and no digest of the request.
"""

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from trace.domain.failures import N_, Conflict, Invalid, Unauthenticated
from trace.domain.papers import Finding, Severity
from trace.domain.permissions import Actor, Permission, may
from trace.domain.rules.book import Rules
from trace.domain.rules.overrides import Override, override_of
from trace.services.arrivals import Decision, Prepared
from trace.services.people import check_password, find_actor


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a second person says on the screen of the first: accept all the same, for this reason."""

    sign_in: str
    password: str = field(repr=False)
    reason: str = ""


def second_person(session: Session, *, actor: Actor, agreement: Agreement) -> Actor:
    """Who agrees: another person of the same organisation who may receive goods there.

    Raises `Invalid`, with one sentence for an unknown name, a wrong password, and somebody else's people: an answer
    says nothing about who exists. Only who proved to be oneself, or without the right, is told so.
    """
    try:
        found = find_actor(session, check_password(session, sign_in=agreement.sign_in, password=agreement.password))
    except Unauthenticated:
        found = None
    if found is None or found.organisation != actor.organisation:
        raise Invalid(N_("The sign-in or the password of the second person is wrong."), field="override.password")
    if found.person == actor.person:
        raise Invalid(N_("Two people are wanted: somebody else than you has to agree."), field="override.sign_in")
    if not may(found, Permission.GOODS_RECEIVE):
        raise Invalid(N_("The second person has to be somebody who may receive goods."), field="override.sign_in")
    return found


def gravest_of(findings: list[Finding], rules: Rules) -> tuple[Override, Finding | None]:
    """What accepting against all of these takes, and the finding it is for."""
    order = list(Override)
    kinds = [(override_of(finding, rules), finding) for finding in findings]
    return max(kinds, key=lambda pair: order.index(pair[0]), default=(Override.FREE, None))


def check_release(findings: list[Finding], rules: Rules, *, first: Actor, second: Actor | None = None) -> bool:
    """Whether putting held goods on the shelf takes the two people that there are; who releases them says why anyway.

    Raises `Conflict` where a finding lets nobody do it, where it takes a second person and there is none, and where two
    people have to sign for a special drug and the `first` is a program.
    """
    kind, why = gravest_of(findings, rules)
    if why is None or kind in (Override.FREE, Override.REASON):
        return False
    details = {"rule": why.rule, "source": why.source, "override": kind.value}
    if kind is Override.NEVER:
        text = N_("These goods stay held: {why} Put that right first, or send them back or destroy them.")
        raise Conflict(text, field="goods", details=details, why=why)
    if second is None:
        text = N_("Two people have to release these goods: {why}")
        raise Conflict(text, field="override.sign_in", details=details, why=why)
    if first.person is None and any(finding.rule == "TWO" for finding in findings):
        text = N_(
            "Two people sign for these goods, and the key of a program is nobody's signature: sign in and release them"
            " on the page."
        )
        raise Conflict(text, field="override.sign_in", details=details)
    return True


def check_decision(
    ready: Prepared, rules: Rules, where: str, *, agreement: Agreement | None = None, second: Actor | None = None
) -> None:
    """Raise `Conflict` for a decision that goes against the findings, `Invalid` for one without its reason.

    A line that two people accept keeps the second and the reason (`overridden_by`, `override_reason`).
    """
    line, reason = ready.line, ready.line.reason.strip()
    if line.decision is Decision.ACCEPT:
        kind, why = gravest_of(ready.findings, rules)
        if why is None or kind is Override.FREE:
            return
        details = {"rule": why.rule, "source": why.source, "override": kind.value}
        if kind is Override.NEVER:
            text = N_("This line cannot be accepted: {why} Hold it or refuse it.")
            raise Conflict(text, field=f"{where}.decision", details=details, why=why)
        two = kind is Override.TWO_PEOPLE
        reason = reason or (agreement.reason.strip() if agreement and two else "")
        if not reason:
            text = N_("Give a reason for accepting this line all the same, or hold it: {why}")
            raise Conflict(text, field=f"{where}.reason", details=details, why=why)
        if two and second is None:
            text = N_("Two people have to accept this line, or it is held or refused: {why}")
            raise Conflict(text, field="override.sign_in", details=details, why=why)
        if two and second is not None:
            ready.overridden_by, ready.override_reason = second.person, reason
        return
    # A mere remark does not say why; what blocks or holds the line does.
    if not reason and all(finding.severity is Severity.WARN for finding in ready.findings):
        raise Invalid(N_("Say why this line is held or refused."), field=f"{where}.reason")
