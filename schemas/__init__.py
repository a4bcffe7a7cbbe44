"""The shapes on the wire (marshmallow)."""
