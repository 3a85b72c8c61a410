"""Verdicts, findings, observations, limits, redaction and errors. Imports nothing else of ours."""
