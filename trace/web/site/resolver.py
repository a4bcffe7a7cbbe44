"""The GS1 Digital Link resolver: an identifier printed as a web address leads to what is known of the thing.

A blueprint of the site, because its answers are the public's: the same page, the same JSON and the same limit as `/t/`.
It follows the GS1-Conformant Resolver standard 1.2 (ISO/IEC 18975, RFC 9264), but reads no compressed links: no label
that we know of carries one, and a scanner could not tell what is in it without us.

A browser is sent on (307) rather than answered in place: the page keeps one address whatever its label says, the
printed address stays free to lead elsewhere, and a temporary redirect is kept by caches for minutes, not for ever.
"""

import re
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urljoin

from flask import Blueprint, Response, g, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from werkzeug.exceptions import BadRequest

from trace.domain.digital_links import QUALIFIERS, DigitalLink, parse_digital_link, path_of, uris_of_levels
from trace.domain.failures import N_, Invalid, NotFound
from trace.domain.uris import GS1
from trace.services.lookup import look_up
from trace.services.resolving import Known, resolve
from trace.web.access import from_replica, public
from trace.web.parts import LANGUAGES, PUBLIC_RATE, limiter, pack_checks_where
from trace.web.site.addresses import public_path
from trace.web.words import say

blueprint = Blueprint("resolver", __name__)

VOCABULARY = "https://ref.gs1.org/voc/"
CONTEXT = "https://ref.gs1.org/standards/resolver/linkset-context"
HTML, JSON, LINKSET, LD = "text/html", "application/json", "application/linkset+json", "application/ld+json"
KEPT_SECONDS = 300  # a redirect and the description may be kept that long by anybody
_LINK_TYPE = re.compile(r"(?:gs1:|https?://(?:www\.|ref\.)?gs1\.org/voc/)?(\w+)")
_WHOLE_SET = ("linkset", "all")  # `all` is what versions before 2024 called it


@limiter.limit(PUBLIC_RATE)
@pack_checks_where(lambda: f"{GS1}{request.path}")
@public
@from_replica
def resolve_link(rest: str) -> ResponseReturnValue:
    """数字链接 / Where a GS1 Digital Link leads: the public page, its JSON, or the set of links (RFC 9264)."""
    del rest  # the path is taken as a whole
    link, known = _resolved(request.path)
    wanted = request.accept_mimetypes.best_match([HTML, JSON, LINKSET, LD], default=HTML)
    asked = request.args.get("linkType", "")
    if asked in _WHOLE_SET or (not asked and wanted in (LINKSET, LD)):
        return _linkset(link, known, wanted)
    if not asked and wanted == JSON:
        response = jsonify(look_up(g.session, actor=None, text=known[0].uri, now=g.now))
    else:
        response = _lead_on(known[0].uri, asked or "gs1:defaultLink")
    response.headers.add("Link", f'<{_anchor(path_of(link))}?linkType=linkset>; rel="linkset"; type="{LINKSET}"')
    return response


for _key in QUALIFIERS:
    blueprint.add_url_rule(f"/{_key}/<path:rest>", view_func=resolve_link)


def _resolved(path: str) -> tuple[DigitalLink, list[Known]]:
    """The link of the address and what is known of it; what GS1 does not allow is a 400, as its standard wants."""
    try:
        link = parse_digital_link(path)
        return link, resolve(g.session, link)
    except Invalid as fault:
        raise BadRequest(say(fault.message, fault.values)) from fault


def _lead_on(uri: str, asked: str) -> Response:
    """Redirect to the link of the type asked for, in the form that is liked best where there are two."""
    match = _LINK_TYPE.fullmatch(asked)
    links = _links(uri)
    among = links.get(match[1], []) if match else []
    if not among:
        raise NotFound(
            N_("There is no link of the type {asked} here; there are {types}."),
            asked=asked[:80],
            types=", ".join(f"gs1:{name}" for name in links),
        )
    best = request.accept_mimetypes.best_match([each["type"] for each in among], default=among[0]["type"])
    target = next(each for each in among if each["type"] == best)["href"]
    # All a label says goes along to the page (dates, weights); the machine's addresses refuse names they do not know.
    query = parse_qsl(request.query_string.decode(errors="replace"), keep_blank_values=True)
    said = [(name, value) for name, value in query if name != "linkType"]
    response = redirect(f"{target}?{urlencode(said)}" if said and best == HTML else target, 307)
    response.headers["Cache-Control"] = f"public, max-age={KEPT_SECONDS}"
    return response  # type: ignore[return-value]


def _links(uri: str) -> dict[str, list[dict[str, Any]]]:
    """{GS1 link type: links} of a thing, as addresses on this host."""
    page = {
        "href": url_for("home.code", text=public_path(uri)),
        "title": gettext(N_("From the field to here: the public page")),
        "type": HTML,
        "hreflang": list(LANGUAGES),
    }
    data = {
        "href": url_for("api_look.get_public_trace", code=uri),
        "title": gettext(N_("What the public page says, for machines")),
        "type": JSON,
    }
    events = {
        "href": f"{request.root_path}/epcis/v2/epcs/{quote(uri, safe='')}/events",
        "title": gettext(N_("EPCIS 2.0 events, for partners with a key")),
        "type": JSON,
    }
    return {"defaultLink": [page], "pip": [page], "traceability": [page, data], "epcis": [events]}


def _linkset(link: DigitalLink, known: list[Known], wanted: str) -> Response:
    """All links, level by level (a pack's lot has its own); as JSON-LD with the context inside, else beside it."""
    paths = _paths_of_levels(link)
    levels = []
    for each in known:
        links = {
            f"{VOCABULARY}{name}": [{**target, "href": _absolute(target["href"])} for target in targets]
            for name, targets in _links(each.uri).items()
        }
        about = {"description": each.name} if each.name else {}
        levels.append({"anchor": _anchor(paths[each.uri]), **about, **links})
    body: dict[str, Any] = {"linkset": levels}
    response = jsonify({"@context": CONTEXT, **body} if wanted == LD else body)
    response.mimetype = wanted if wanted in (JSON, LD) else LINKSET
    response.headers.add("Link", f'<{CONTEXT}>; rel="http://www.w3.org/ns/json-ld#context"; type="{LD}"')
    response.headers.add("Link", f'<{_anchor(path_of(link))}?linkType=linkset>; rel="linkset"; type="{LINKSET}"')
    return response


def _paths_of_levels(link: DigitalLink) -> dict[str, str]:
    """{canonical URI: the address here of that level of the link}."""
    found: dict[str, str] = {}
    for count in range(len(link.elements), 0, -1):
        level = DigitalLink(link.elements[:count])
        found.setdefault(uris_of_levels(level)[0], path_of(level))
    return found


def _anchor(path: str) -> str:
    return urljoin(request.root_url, path)


def _absolute(address: str) -> str:
    return urljoin(request.root_url, address)


@blueprint.get("/.well-known/gs1resolver")
@public
def description() -> ResponseReturnValue:
    """解析器说明 / The description that the standard wants of every resolver."""
    response = jsonify(
        {
            "name": "Sunshine Trace 阳光追溯",
            "resolverRoot": request.root_url.rstrip("/"),
            "supportedPrimaryKeys": sorted(QUALIFIERS),
            "supportedLinkType": [{"namespace": VOCABULARY, "prefix": "gs1:"}],
            "linkTypeDefaultCanBeLinkset": False,
            "jsonLdContextLocation": CONTEXT,
        }
    )
    response.headers["Cache-Control"] = f"public, max-age={KEPT_SECONDS}"
    return response


@blueprint.after_request
def open_to_every_site(response: Response) -> Response:
    """Let pages of any origin read the answer (the standard wants CORS): it is public, and no cookie goes with it."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Allow-Methods"] = "GET, HEAD, OPTIONS"
    response.headers["Access-Control-Expose-Headers"] = "Link"
    response.vary.update(("Accept", "Accept-Language"))
    return response
