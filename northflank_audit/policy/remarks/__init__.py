"""Reads, matches and adds waivers and annotations."""
