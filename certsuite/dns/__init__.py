"""DNS without I/O (RFC 1035, RFC 2782): zones, and answers to questions about them."""
