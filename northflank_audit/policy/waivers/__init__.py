"""Reads waiver files, matches waivers, adds waivers to a file."""
