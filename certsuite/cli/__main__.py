"""``python -m certsuite.cli``: the same as ``certsuite``."""

from certsuite.cli.main import main

main()
