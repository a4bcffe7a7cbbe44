"""Pages."""

from flask import Blueprint

blueprint = Blueprint("inspector", __name__)
