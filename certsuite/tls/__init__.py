"""TLS without I/O (RFC 5246, RFC 8446): ClientHello, alerts, cipher suites, certificates, and the server's engine."""
