"""SIP without I/O (RFC 3261): framing, messages, digest, dialogs."""
