"""``python -m certsuite.cli``: the same as ``certsuite``."""

from certsuite.cli.start import main

main()
