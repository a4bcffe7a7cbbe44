"""The shapes of holds, recalls and rapid tests on the wire."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from schemas.fields import Moment, Number, Strict, Text, Word
from schemas.requests import CommandRequest
from trace.domain.recalls import LEVELS, RecallKind, RetestMethod

REASON = 200


class RecallRequest(CommandRequest):
    """Hold a lot here, or recall it everywhere; a recall has a level, 1 (gravest) to 3."""

    lot = Text(most=2_000, least=1, required=True)
    kind = Word(RecallKind, required=True)
    level = Number(least=min(LEVELS), most=max(LEVELS), load_default=None, allow_none=True)
    reason = Text(most=REASON, least=1, required=True)

    @validates_schema
    def check_level(self, data: dict[str, Any], **_: Any) -> None:
        """A recall runs by the clock of its level; a hold has none."""
        if (data["kind"] is RecallKind.RECALL) != (data.get("level") is not None):
            raise ValidationError("A recall has a level from 1 to 3, a hold has none.", "level")


class ReachQuery(Strict):
    """What a hold or recall of a lot would reach."""

    lot = Text(most=2_000, least=1, required=True)


class AcknowledgementRequest(CommandRequest):
    """The answer to a recall notice."""

    answer = Text(most=REASON, load_default="")


class LiftingRequest(CommandRequest):
    """Why the goods are in order."""

    reason = Text(most=REASON, least=1, required=True)


class ClosingRequest(CommandRequest):
    """What became of the goods; and why a recall ends although somebody did not answer."""

    reason = Text(most=REASON, least=1, required=True)
    unanswered = Text(most=REASON, load_default="")


class RapidTestRequest(CommandRequest):
    """A rapid test of a lot; `photo` is the SHA-256 of an own upload."""

    lot = Text(most=2_000, least=1, required=True)
    tested_for = Text(most=120, least=1, required=True)
    passed = fields.Boolean(required=True, truthy={True}, falsy={False})
    official = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    result_at = Moment(load_default=None, allow_none=True, metadata={"description": "When it was made known; or now."})
    photo = fields.String(load_default=None, allow_none=True, validate=validate.Regexp(r"^[0-9a-f]{64}\Z"))


class RetestRequest(CommandRequest):
    """The result of the re-test, which may not be a rapid test; without it, the re-test is asked for."""

    passed = fields.Boolean(load_default=None, allow_none=True, truthy={True}, falsy={False})
    laboratory = Text(most=120, load_default="")
    method = Word(RetestMethod, load_default=RetestMethod.LABORATORY)
