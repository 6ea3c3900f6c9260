"""Reads YAML with positions and size limits; mistakes as file:line:column.

It does not know what the documents mean.
"""
