"""The command line: commands, options and output.

Each command's module is imported when the command is called.
"""
