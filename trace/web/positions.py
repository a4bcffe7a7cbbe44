"""Who changed something sees it, also where a replica answers: the position of their last change travels with them.

A browser keeps it in its signed session. Software with a key is told it in a header of the answer and may send it back
with its next look; what comes without is shown the state of this moment, whichever machine or process changed it.
"""

from flask import Response, g, request, session

from storage.replicas import Replica

HEADER = "Sunshine-Position"
IN_SESSION = "position"
MOST_DIGITS = 19  # of a number of 64 bits with a sign


def wanted_position() -> int | None:
    """Up to where the asker must see the primary's log: 0 who never changed anything, None up to this moment.

    A page that goes on from another one (EPCIS) shows this moment, too: the one before may have been the primary's.
    """
    if "nextPageToken" in request.args:
        return None
    if g.actor is None or g.actor.api_key is None:
        found: int | None = session.get(IN_SESSION, 0)
        return found
    sent = request.headers.get(HEADER, "")
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) <= MOST_DIGITS else None


def tell_position(response: Response, replica: Replica) -> None:
    """Give who just changed something the position behind it.

    It is kept by now, so a primary that does not tell fails nobody: their next look is shown that moment's state.
    """
    position = replica.find_position()
    if position is not None:
        response.headers[HEADER] = str(position)
    if session:  # whoever signed out, or has only just come, is given no cookie for it
        session[IN_SESSION] = position
