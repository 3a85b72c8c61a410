"""What ``certsuite tls fetch-chain`` says of the certificates of a server."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from rich.text import Text

from certsuite.core.redaction import printable
from certsuite.tls.presented_chain import PresentedChain

_NAMES_SHOWN = 6


def chain_text(presented: PresentedChain) -> Text:
    """Each certificate with subject, issuer, validity and fingerprint; what was left out; and the root."""
    text = Text()
    for number, one in enumerate(presented.chain, 1):
        text.append(f"certificate {number}{' (leaf)' if number == 1 else ''}\n", "bold")
        text.append(f"  subject      {_name(one.subject)}\n")
        if names := _alternative_names(one):
            text.append(f"  names        {names}\n")
        text.append(f"  issuer       {_name(one.issuer)}\n")
        begin, end = (f"{when:%Y-%m-%d %H:%M}" for when in (one.not_valid_before_utc, one.not_valid_after_utc))
        text.append(f"  valid        {begin} to {end} UTC\n")
        text.append(f"  fingerprint  SHA-256 {one.fingerprint(hashes.SHA256()).hex().upper()}\n")
    for one in presented.left_out:
        kind = "a root" if one.subject == one.issuer else "no part of the chain"
        text.append(f"left out: {_name(one.subject)} ({kind})\n")
    text.append("root: ", "bold")
    if presented.root is None:
        text.append(f"{_name(presented.chain[-1].issuer)}, which is none of those that certsuite brings along\n")
    else:
        text.append(f"{presented.root.meaning} (certsuite calls it {presented.root.name})\n")
    return text


def _name(name: x509.Name) -> str:
    return printable(name.rfc4514_string()) or "(empty)"


def _alternative_names(certificate: x509.Certificate) -> str:
    """The host names and addresses that it is for; cut, since there may be many."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ""
    texts = [str(one.value) for one in names if isinstance(one, x509.DNSName | x509.IPAddress)]
    more = f" and {len(texts) - _NAMES_SHOWN} more" if len(texts) > _NAMES_SHOWN else ""
    return printable(", ".join(texts[:_NAMES_SHOWN])) + more
