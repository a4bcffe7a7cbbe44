"""What is wrong with an event document, and where."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import ValidationError

from schemas.epcis.xml_names import legible

MOST_FAULTS = 50  # of one event: who made more has another problem than the fifty-first
_SHOWN = 80  # characters of a value that a sentence repeats


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: where (a JSON pointer into the event, RFC 6901; empty for all of it), a translatable text, values."""

    path: str
    message: str
    values: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return self.message.format(**self.values) if self.values else self.message


def pointer(*steps: str | int) -> str:
    """A JSON pointer from its steps; long or unreadable keys are cut so that the pointer can be answered."""
    return "".join(f"/{shown(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


def shown(value: Any) -> str:
    """A value as a sentence may repeat it: short, and of characters that every answer can carry."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return "1" + "0" * 60 + "..."  # Python writes no integer of more than 4300 digits
    if isinstance(value, dict | list | tuple):
        return "{...}" if isinstance(value, dict) else "[...]"
    text = str(value)
    return legible(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def refusal(message: str, **values: Any) -> ValidationError:
    """What a field raises: a fault that does not know yet where it is."""
    return ValidationError([Fault("", message, {name: shown(value) for name, value in values.items()})])


def located(messages: Any, steps: tuple[str | int, ...] = ()) -> Iterable[Fault]:
    """The faults in marshmallow's nested messages, each with its place; marshmallow's own texts are templates, too."""
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from located(inner, steps if key == "_schema" else (*steps, key))
    elif isinstance(messages, list):
        for inner in messages:
            yield from located(inner, steps)
    elif isinstance(messages, Fault):
        yield Fault(pointer(*steps) + messages.path, messages.message, messages.values)
    else:
        yield Fault(pointer(*steps), str(messages))
