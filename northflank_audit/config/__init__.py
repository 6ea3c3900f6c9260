"""Settings of a run, and its rules and waivers.

This package fetches nothing and writes nothing.
"""
