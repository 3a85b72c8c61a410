"""Puts edges, parties, zones, PKI, clock and one device together, and moves the device to the state a case needs.

What a case is written with: :func:`case`, :class:`Bench`, :class:`Phone`.
"""

from certsuite.bench.bench import Bench
from certsuite.bench.phone import Phone
from certsuite.core.cases import case

__all__ = ["Bench", "Phone", "case"]
