"""Keeps runs in a database: what was found, and when.

This package has the tables, migrations and queries. Verdicts, states and report files belong elsewhere.
"""
