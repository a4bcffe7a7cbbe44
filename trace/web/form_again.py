"""A form that was not taken, to be sent again by one button: what was typed is kept, also in a browser without scripts.

What is secret is typed anew, and files are chosen anew: no page can fill those in.
"""

from dataclasses import dataclass

from flask import request

SECRET = ("password", "secret")  # in the names of fields that no page shows again


@dataclass(frozen=True, slots=True)
class FormAgain:
    """Where the form goes, its fields with what was typed, and the names of those that have to be filled in anew."""

    address: str
    kept: tuple[tuple[str, str], ...]
    secrets: tuple[str, ...]
    files: tuple[str, ...]


def form_again() -> FormAgain:
    """The form of this request, without its token."""
    typed = [(name, text) for name, text in request.form.items(multi=True) if name != "csrf_token"]
    chosen = [name for name, file in request.files.items(multi=True) if file.filename]
    return FormAgain(
        request.script_root + request.full_path.rstrip("?"),
        tuple((name, text) for name, text in typed if not _is_secret(name)),
        tuple(name for name, text in typed if _is_secret(name) and text),
        tuple(dict.fromkeys(chosen)),
    )


def _is_secret(name: str) -> bool:
    return any(word in name for word in SECRET)
