"""Certification of third-party SIP devices for Webex Calling."""

__version__ = "0.1.0"
