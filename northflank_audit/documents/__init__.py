"""YAML with the position of every value, bounds on its size, and mistakes as file:line:column.

What the documents mean belongs to those who read them.
"""
