"""A request whose transaction lost against another one is answered anew: what its view used up is brought back.

Nothing was sent yet, and the database kept nothing. The body is there again where it was read whole (JSON, EPCIS) or as
a form, whose files are wound back; a body that a view read as a stream is not, and then the caller tries again (503).
"""

from collections.abc import Callable

from flask import g, request, session


def rewinder() -> Callable[[], bool]:
    """A function that brings the request back to how it is now; it says False where that cannot be.

    What the first run put into the session's cookie or noted in `g` (a CSRF token) belongs to an answer nobody gets.
    """
    cookie, noted = dict(session), set(g)

    def ready() -> bool:
        if dict(session) != cookie:
            session.clear()
            session.update(cookie)
        for name in set(g) - noted:
            g.pop(name)
        return _wind_back()

    return ready


def _wind_back() -> bool:
    """Whether the body can be read from its beginning."""
    read = vars(request._get_current_object())  # type: ignore[attr-defined]
    if "files" in read:  # read as a form: its fields are kept, of its files only where they are
        files = [file for _, file in request.files.items(multi=True)]
        if any(file.stream.closed or not file.stream.seekable() for file in files):
            return False
        for file in files:
            file.stream.seek(0)
        return True
    request._cached_json = (Ellipsis, Ellipsis)  # parsed anew: the view may have changed what it was given
    return "stream" not in read or read.get("_cached_data") is not None
