"""The record of a run: its writer and reader, the capture, and the ladder of a case."""
