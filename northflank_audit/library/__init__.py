"""The public API for other programs: settings, audits, reading reports.

It does not print, configure logging, handle signals or end the process. `northflank_audit` exports the public names.
"""
