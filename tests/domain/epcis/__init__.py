"""EPCIS events as documents."""
