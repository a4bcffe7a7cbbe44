"""EPCIS documents on the wire: JSON (JSON-LD) and XML, and the one definition that judges events."""
