"""Products: what category of goods a product is, which decides the papers it needs."""

from enum import StrEnum


class Category(StrEnum):
    """Kinds of goods with rules of their own."""

    PORK = "pork"
    BEEF_MUTTON = "beef_mutton"
    POULTRY = "poultry"
    VEGETABLE = "vegetable"
    FRUIT = "fruit"
    EGG = "egg"
    FISH = "fish"
    PACKAGED_FOOD = "packaged_food"
    IMPORTED_FOOD = "imported_food"
    DRUG = "drug"
    ANIMAL = "animal"  # live animals, identified by ear tags
    DISH = "dish"  # cooked in a canteen, served the same day: made of lots, never sold on


class Prescription(StrEnum):
    """Rx and the two classes of OTC."""

    RX = "rx"
    OTC_A = "otc_a"
    OTC_B = "otc_b"
