"""What other programs call, in place of the command line: settings, an audit, and the reading of reports.

Nothing here prints, logs to anywhere, handles signals or ends the process. `northflank_audit` offers the public names.
"""
