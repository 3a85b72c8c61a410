"""The command line: thin, over the same functions that a program would call."""
