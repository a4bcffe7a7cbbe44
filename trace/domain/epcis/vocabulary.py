"""The words of the Core Business Vocabulary (CBV 2.0, ISO/IEC 19988) that this service writes and interprets.

Bare words as in EPCIS 2.0 JSON ("shipping"), not the URN or web form; sections are those of CBV 2.0.
"""

from enum import StrEnum


class BizStep(StrEnum):
    """Business steps, CBV 2.0 section 7.1."""

    ACCEPTING = "accepting"
    COMMISSIONING = "commissioning"
    DECOMMISSIONING = "decommissioning"
    DESTROYING = "destroying"
    DISPENSING = "dispensing"
    HOLDING = "holding"
    INSPECTING = "inspecting"
    PACKING = "packing"
    RECEIVING = "receiving"
    REMOVING = "removing"
    REPACKAGING = "repackaging"
    RETAIL_SELLING = "retail_selling"
    SAMPLING = "sampling"
    SENSOR_REPORTING = "sensor_reporting"
    SHIPPING = "shipping"
    STOCK_TAKING = "stock_taking"
    STORING = "storing"
    UNPACKING = "unpacking"


# Over the counter, one by one: there may be very many of them of one lot.
SALES = frozenset({BizStep.RETAIL_SELLING, BizStep.DISPENSING})


class Disposition(StrEnum):
    """Dispositions, CBV 2.0 section 7.2."""

    ACTIVE = "active"
    CONFORMANT = "conformant"
    CONTAINER_CLOSED = "container_closed"
    DESTROYED = "destroyed"
    DISPENSED = "dispensed"
    IN_PROGRESS = "in_progress"
    IN_TRANSIT = "in_transit"
    NON_CONFORMANT = "non_conformant"
    NON_SELLABLE = "non_sellable_other"
    PARTIALLY_DISPENSED = "partially_dispensed"
    RETAIL_SOLD = "retail_sold"
    RETURNED = "returned"
    SELLABLE_ACCESSIBLE = "sellable_accessible"
    SELLABLE_NOT_ACCESSIBLE = "sellable_not_accessible"
    RECALLED = "recalled"
    UNAVAILABLE = "unavailable"


# Every word that events made here say; whoever is registered brings them in, so that no later event brings a new one.
WORDS = (*BizStep, *Disposition)

# ISO/UN recommendation 20 units, as CBV 2.0 asks of quantity elements.
KILOGRAM = "KGM"
PIECE = "EA"
