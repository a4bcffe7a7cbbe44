"""Pages."""

from flask import Blueprint

blueprint = Blueprint("pharmacy", __name__)
