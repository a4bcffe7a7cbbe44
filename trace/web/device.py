"""What kind of device a change came from: browser or program and system, no more (R16 asks for the device)."""

import re

from flask import request

_BROWSERS = (
    ("MicroMessenger", "WeChat"),
    ("Edg", "Edge"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = ("HarmonyOS", "Android", "iPhone", "iPad", "Windows", "Mac OS X", "Linux")
_PROGRAM = re.compile(r"[\w.+-]{1,40}(?:/[\w.+-]{1,20})?")


def device() -> str:
    """For example "Chrome, Android", or a program's own name and version; "" where it does not say."""
    agent = request.headers.get("User-Agent", "")
    browser = next((name for mark, name in _BROWSERS if f"{mark}/" in agent), None)
    if browser is None:
        program = _PROGRAM.match(agent)
        return program[0] if program else ""
    system = next((name for name in _SYSTEMS if name in agent), "")
    return f"{browser}, {system}" if system else browser
