"""SDP without I/O: session descriptions (RFC 8866), SDES crypto lines (RFC 4568), offer and answer (RFC 3264)."""
