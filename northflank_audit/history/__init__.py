"""Keeps runs in a database: what was found when, and for how long.

This package has the tables, migrations and queries. Verdicts, states and report files belong elsewhere.
"""
