"""The command line: commands, options, what is printed. Nothing below knows that there is a terminal.

Each command's module is imported when the command is called.
"""
