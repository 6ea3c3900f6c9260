"""Evaluates rules over records. No I/O, no clock, no report."""
