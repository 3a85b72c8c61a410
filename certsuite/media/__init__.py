"""Media without I/O: RTP, SRTP, codecs, tones, telephone-events, and both halves of a stream."""
