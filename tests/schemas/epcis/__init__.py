"""EPCIS documents on the wire."""
