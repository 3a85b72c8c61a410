"""The network side's sockets: DNS responder, SIP over TLS, registrar, call control, RTP."""
