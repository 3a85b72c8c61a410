"""Reads make, model, firmware and MAC address from a User-Agent or Server header.

How Webex reads them is not published. The forms are data, ``user_agents.yaml``, proved on headers that were seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

_READ_AT_MOST = 500
_HEX = "[0-9A-Fa-f]"
_MAC_DIGITS = rf"{_HEX}{{12}}|{_HEX}{{2}}(?:([:-]){_HEX}{{2}})(?:\2{_HEX}{{2}}){{4}}"
_MAC = re.compile(rf"[ _]?\(?(?<![0-9A-Za-z.])({_MAC_DIGITS})(?![0-9A-Za-z.:-])\)?")


@dataclass(frozen=True, slots=True)
class Product:
    """What a header says about the device; what it does not say is empty."""

    make: str = ""
    model: str = ""
    firmware: str = ""
    mac: str = ""
    "Twelve hexadecimal digits in lower case."
    is_known: bool = False
    "Whether the header has the form of a known vendor; if not, the rest is a guess by what is commonly written."


@dataclass(frozen=True, slots=True)
class _Form:
    make: str
    pattern: re.Pattern[str]


def read_user_agent(text: str) -> Product:
    """What a User-Agent or Server header says. It reads anything: of a text that says nothing, all is empty."""
    text, mac = _without_mac(text[:_READ_AT_MOST])
    text = " ".join(text.split())
    known, others = _forms()
    for form in (*known, *others):
        match = form.pattern.fullmatch(text)
        if match:
            found = {name: value or "" for name, value in match.groupdict().items()}
            make = form.make or found.pop("make")
            return Product(make, found.get("model", ""), found.get("firmware", ""), mac, is_known=bool(form.make))
    return Product(mac=mac)


def same_make(one: str, other: str) -> bool:
    """Whether two names are of one maker: Polycom is Poly, AUDC is AudioCodes, Aastra is Mitel."""
    return other.lower() in _names(one.lower())


def same_model(one: str, other: str) -> bool:
    """Whether two names are of one model, however spaces, hyphens and underscores stand in them."""
    return bool(one) and _bare(one) == _bare(other)


def maker_of_mac(mac: str) -> str:
    """The maker to whom the IEEE has assigned the beginning of a MAC address; empty if it is not known here.

    ``mac`` is as :attr:`Product.mac`.
    """
    return next((row["make"] for row in _data()["vendors"] if mac[:6] in row.get("ouis", ())), "")


def control_hub_name(product: Product, kind: str = "phone") -> str:
    """How Control Hub shows the device; ``kind`` is ``phone`` or ``gateway``.

    Without make or model it is the kind alone: the device cannot be told from others. Source:
    https://help.webex.com/1mh2m9 (how partner-managed devices are shown).
    """
    shown = f"Partner Managed {kind.capitalize()}"
    return f"{shown} - {product.make} {product.model}" if product.make and product.model else shown


def _without_mac(text: str) -> tuple[str, str]:
    match = _MAC.search(text)
    if match is None:
        return text, ""
    mac = re.sub(r"[:-]", "", match.group(1)).lower()
    rest = text[match.end() :]
    # One that stood with something else in brackets leaves the bracket that closes them.
    opened = text[: match.start()].count("(") > text[: match.start()].count(")")
    closes = ")" if opened and match.group().endswith(")") else ""
    return text[: match.start()] + closes + rest, mac


def _bare(model: str) -> str:
    return re.sub(r"[ _-]", "", model).lower()


def _names(make: str) -> set[str]:
    names = {make}
    for row in _data()["vendors"]:
        own = {row["make"].lower(), *(name.lower() for name in row.get("also", ()))}
        if make in own:
            names |= own
    return names


@cache
def _forms() -> tuple[tuple[_Form, ...], tuple[_Form, ...]]:
    data = _data()
    known = [_Form(row["make"], re.compile(form, re.IGNORECASE)) for row in data["vendors"] for form in row["forms"]]
    others = [_Form("", re.compile(form)) for form in data["others"]]
    return tuple(known), tuple(others)


@cache
def _data() -> dict[str, Any]:
    text = (files("certsuite.sip") / "user_agents.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.safe_load(text)
    return data
