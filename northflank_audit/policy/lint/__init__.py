"""Warns of rules that are well-formed but probably not meant."""
