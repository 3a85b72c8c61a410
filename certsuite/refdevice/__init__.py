"""The reference device: a compliant SIP phone for Webex Calling with named faults, a program of its own.

``python -m certsuite.refdevice --config DIR [--fault NAME]...``. Nothing of the suite imports it, and of the suite it
imports the SIP framer and message alone: TLS, digest, DNS, SDP and SRTP are its own, so that a mistake of the suite is
not met by the same mistake here.
"""
