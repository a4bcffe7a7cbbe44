"""Who may do what: roles, permissions, and the one decision function."""

from dataclasses import dataclass
from enum import StrEnum

from trace.domain.failures import N_, Forbidden


class Permission(StrEnum):
    """What a route may ask of its caller, alphabetical; each route names exactly one."""

    ALERT_READ = "alert:read"
    ALERT_SETTLE = "alert:settle"
    BUSINESS_BLOCK = "business:block"
    CARE_RECORD = "care:record"
    CERTIFICATE_ISSUE = "certificate:issue"
    CERTIFICATE_READ = "certificate:read"
    CHAIN_MANAGE = "chain:manage"
    CHECK_READ = "check:read"
    CHECK_SIGN = "check:sign"
    CODE_DISPENSE = "code:dispense"
    DUTY_TAKE = "duty:take"
    EVENT_CAPTURE = "event:capture"
    EVENT_READ = "event:read"
    EXPORT_MANAGE = "export:manage"
    GOODS_MOVE = "goods:move"
    GOODS_READ = "goods:read"
    GOODS_RECEIVE = "goods:receive"
    INSPECTION_RECORD = "inspection:record"
    JOB_MANAGE = "job:manage"
    KEY_MANAGE = "key:manage"
    LOOKUP_LOG_READ = "lookup_log:read"
    LOT_TRACE = "lot:trace"
    ORGANISATION_MANAGE = "organisation:manage"
    ORGANISATION_READ = "organisation:read"
    PERSON_MANAGE = "person:manage"
    PHOTO_SCAN = "photo:scan"
    PRICE_SET = "price:set"
    PRODUCT_MANAGE = "product:manage"
    PRODUCT_READ = "product:read"
    QUERY_MANAGE = "query:manage"
    RECALL_MANAGE = "recall:manage"
    RECALL_READ = "recall:read"
    RECORD_CORRECT = "record:correct"
    RULE_MANAGE = "rule:manage"
    RULE_READ = "rule:read"
    SELF_READ = "self:read"
    SUPPLIER_MANAGE = "supplier:manage"
    SUPPLIER_READ = "supplier:read"
    WINDOW_MANAGE = "window:manage"


class Role(StrEnum):
    """Roles of people and keys. The platform administrator sees no business data."""

    CLERK = "clerk"
    PHARMACIST = "pharmacist"
    ORGANISATION_ADMINISTRATOR = "organisation_administrator"
    INSPECTOR = "inspector"
    AUDITOR = "auditor"
    PLATFORM_ADMINISTRATOR = "platform_administrator"


_CLERK = frozenset(
    {
        Permission.ALERT_READ,
        Permission.ALERT_SETTLE,
        Permission.CARE_RECORD,
        Permission.CERTIFICATE_ISSUE,
        Permission.CERTIFICATE_READ,
        Permission.CHECK_READ,
        Permission.CHECK_SIGN,
        Permission.CODE_DISPENSE,
        Permission.EVENT_CAPTURE,
        Permission.EVENT_READ,
        Permission.GOODS_MOVE,
        Permission.GOODS_READ,
        Permission.GOODS_RECEIVE,
        Permission.LOT_TRACE,
        Permission.ORGANISATION_READ,
        Permission.PHOTO_SCAN,
        Permission.PRODUCT_MANAGE,
        Permission.PRODUCT_READ,
        Permission.QUERY_MANAGE,
        Permission.RECALL_MANAGE,
        Permission.RECALL_READ,
        Permission.RECORD_CORRECT,
        Permission.RULE_READ,
        Permission.SELF_READ,
        Permission.SUPPLIER_MANAGE,
        Permission.SUPPLIER_READ,
    }
)
_WATCHERS = frozenset(
    {
        Permission.ALERT_READ,
        Permission.CERTIFICATE_READ,
        Permission.CHECK_READ,
        Permission.EVENT_READ,
        Permission.GOODS_READ,
        Permission.LOT_TRACE,
        Permission.ORGANISATION_READ,
        Permission.PRODUCT_READ,
        Permission.RECALL_READ,
        Permission.RULE_READ,
        Permission.SELF_READ,
        Permission.SUPPLIER_READ,
    }
)
GRANTS: dict[Role, frozenset[Permission]] = {
    Role.CLERK: _CLERK,
    Role.PHARMACIST: _CLERK | {Permission.DUTY_TAKE, Permission.PRICE_SET},
    Role.ORGANISATION_ADMINISTRATOR: _CLERK
    | {
        Permission.CHAIN_MANAGE,
        Permission.EXPORT_MANAGE,
        Permission.JOB_MANAGE,
        Permission.KEY_MANAGE,
        Permission.PERSON_MANAGE,
        Permission.PRICE_SET,
        Permission.RULE_MANAGE,
        Permission.WINDOW_MANAGE,
    },
    Role.INSPECTOR: _WATCHERS
    | {
        Permission.ALERT_SETTLE,
        Permission.BUSINESS_BLOCK,
        Permission.INSPECTION_RECORD,
        Permission.PHOTO_SCAN,
        Permission.RECALL_MANAGE,
    },
    Role.AUDITOR: _WATCHERS | {Permission.LOOKUP_LOG_READ},
    Role.PLATFORM_ADMINISTRATOR: frozenset(
        {
            Permission.JOB_MANAGE,
            Permission.KEY_MANAGE,
            Permission.ORGANISATION_MANAGE,
            Permission.ORGANISATION_READ,
            Permission.PERSON_MANAGE,
            Permission.RULE_MANAGE,
            Permission.RULE_READ,
            Permission.SELF_READ,
        }
    ),
}
WATCHING_ROLES = frozenset({Role.INSPECTOR, Role.AUDITOR})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person or a key, for one organisation, in one role. Numbers are those of the store."""

    organisation: int
    organisation_name: str
    organisation_kind: str
    party_uri: str
    region: str
    role: Role
    person: int | None = None
    api_key: int | None = None
    name: str = ""
    at_shop: bool = False  # somebody of headquarters, who works in the name of this shop of their chain

    @property
    def watches(self) -> bool:
        """Inspectors and auditors look at others' records, by mandate, and every look is written down."""
        return self.role in WATCHING_ROLES


class View(StrEnum):
    """How much of an event somebody sees."""

    FULL = "full"
    PUBLIC = "public"


def may(actor: Actor, permission: Permission) -> bool:
    """Whether the actor's role includes the permission."""
    return permission in GRANTS[actor.role]


def authorize(actor: Actor, permission: Permission) -> None:
    """Raise `Forbidden` unless the actor's role includes the permission."""
    if may(actor, permission):
        return
    if actor.at_shop:
        raise Forbidden(
            N_("You work in the name of {shop}, as its clerk does; this belongs to headquarters. Go back there first."),
            shop=actor.organisation_name,
        )
    raise Forbidden(
        N_("This needs the permission {permission}; the role {role} does not have it. Ask your administrator."),
        permission=permission.value,
        role=actor.role.value,
    )


def check_sells(actor: Actor) -> None:
    """Raise `Forbidden` for a sale of drugs in a shop's name from elsewhere: the pharmacist has to be there (R10)."""
    if actor.at_shop:
        raise Forbidden(
            N_("Headquarters sells no drugs in the name of {shop}: a sale is where pharmacist and customer are."),
            shop=actor.organisation_name,
        )


def in_region(region: str, mandate: str) -> bool:
    """Whether a GB/T 2260 code lies in a mandate's region: 640502 lies in 640500 and in 640000."""
    return region.startswith(region_prefix(mandate))


def region_prefix(mandate: str) -> str:
    """The digits that all codes in a mandate's region begin with: 6405 for 640500; no region begins with a space."""
    significant = mandate.rstrip("0")
    significant += "0" * (len(significant) % 2)
    return significant or " "


def view_of(actor: Actor | None, parties: dict[int, str]) -> View:
    """How much an actor sees of an event whose parties are {organisation number: region}.

    A party to an event (who captured it, its source, its destination: one step back, one step forward) sees all of
    it; an inspector sees all of it if a party is in their region; the platform administrator and the public see the
    poorer view.
    """
    if actor is None or actor.role is Role.PLATFORM_ADMINISTRATOR:
        return View.PUBLIC
    if actor.watches:
        return View.FULL if any(in_region(region, actor.region) for region in parties.values()) else View.PUBLIC
    return View.FULL if actor.organisation in parties else View.PUBLIC
