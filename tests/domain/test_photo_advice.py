"""How to take the photo again, from what is known of it."""

import pytest

from trace.domain.photo_advice import Taken, advise

GOOD = {"sharpness": 0.6, "brightness": 150.0, "glare": 0.0}


@pytest.mark.parametrize(
    ("photo", "said"),
    [
        (Taken(4000, 3000), ["closer"]),
        (Taken(4000, 3000, **GOOD), ["closer"]),
        (Taken(640, 480, **GOOD), ["small", "closer"]),
        (Taken(4000, 3000, **GOOD | {"sharpness": 0.15}), ["blurred", "closer"]),
        (Taken(4000, 3000, **GOOD | {"brightness": 40.0}), ["dark", "closer"]),
        (Taken(4000, 3000, **GOOD | {"glare": 0.03}), ["glaring", "closer"]),
        (Taken(4000, 3000, **GOOD | {"glare": 0.7, "brightness": 254.0}), ["closer"]),  # white paper
        (
            Taken(640, 480, sharpness=0.1, brightness=30.0, glare=0.02),
            ["blurred", "dark", "glaring", "small", "closer"],
        ),
    ],
)
def test_what_helps_most_is_said_first_and_something_always(photo: Taken, said: list[str]) -> None:
    assert [one["advice"] for one in advise(photo)] == said


def test_sentences_have_their_values() -> None:
    for one in advise(Taken(640, 480, sharpness=0.1, brightness=30.0, glare=0.02)):
        assert "{" not in one["message"].format(**one["values"])
