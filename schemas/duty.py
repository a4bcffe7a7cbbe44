"""The shapes on the wire of pharmacists: duty, registrations, reviewed prescriptions."""

from marshmallow import fields

from schemas.fields import Day, Moment, Strict, Text
from schemas.requests import CommandRequest


class DutyRequest(CommandRequest):
    """To go on duty: till when at the latest; a key names the colleague who signed in to its program."""

    until = Moment(load_default=None, allow_none=True)
    remote = fields.Boolean(
        load_default=False,
        truthy={True},
        falsy={False},
        metadata={"description": "For the shops of the chain, too: review from headquarters."},
    )
    person = Text(most=26, load_default=None, allow_none=True)


class DutyEndRequest(CommandRequest):
    """To go off duty."""

    person = Text(most=26, load_default=None, allow_none=True)


class RegistrationRequest(CommandRequest):
    """The registration of a pharmacist (执业药师注册证)."""

    person = Text(most=26, least=1, required=True)
    registration_no = Text(most=40, least=1, required=True)
    title = Text(most=40, load_default="")
    expires_on = Day(load_default=None, allow_none=True)


class ReviewRequest(CommandRequest):
    """A prescription that a pharmacist on duty reviewed. No name, ID or diagnosis of the patient."""

    reference = Text(most=80, least=1, required=True)
    prescribed_on = Day(load_default=None, allow_none=True)
    reviewed_by = Text(most=26, load_default=None, allow_none=True)
    shop = Text(
        most=26,
        load_default=None,
        allow_none=True,
        metadata={"description": "Whose prescription it is, where headquarters reviews for a shop of its chain."},
    )


class ReviewsQuery(Strict):
    """The reviews since a moment."""

    since = Moment(required=True)
