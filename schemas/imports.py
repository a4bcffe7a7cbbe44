"""What callers send about tables that they bring in, and what rows of these say."""

from schemas.fields import Strict, Text
from schemas.requests import CommandRequest


class StoreRequest(CommandRequest):
    """Store a table that was looked at; nothing else is said."""


class DeliveryCells(Strict):
    """What a row says of the whole delivery, as `DeliveryRequest` takes it."""

    supplier = Text(most=120)
    supplier_address = Text(most=200)
    supplier_contact = Text(most=80)
    delivery_note = Text(most=80)
