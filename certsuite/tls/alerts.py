"""TLS alerts by number (RFC 8446 section 6, RFC 5246 section 7.2, and the registry "TLS Alerts")."""

from __future__ import annotations

WARNING = 1
"Alert level."
FATAL = 2
"Alert level."

CLOSE_NOTIFY = 0
"The alert that ends a connection in order."
USER_CANCELED = 90
"The alert of who breaks off for a reason that has nothing to do with the protocol."

ALERT_NAMES: dict[int, str] = {
    CLOSE_NOTIFY: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    USER_CANCELED: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
    121: "ech_required",
}
"Names of alert descriptions by number, those of older versions included."


def alert_name(description: int) -> str:
    """The name of an alert; one that is in no list reads ``alert_NNN``."""
    return ALERT_NAMES.get(description, f"alert_{description}")
