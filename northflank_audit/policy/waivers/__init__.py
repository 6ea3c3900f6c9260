"""Waiver files: their form, what they cover, and how one is added to a file."""
