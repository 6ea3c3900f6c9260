"""Runs in a database: what was found when, for how long, and which runs took place.

Here belong tables, migrations, and questions about the past. Verdicts, states and files of reports do not.
"""
