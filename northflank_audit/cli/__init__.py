"""The command line: commands, options, what is printed. Nothing below knows that there is a terminal.

The commands load when they are called, so that none imports what another needs.
"""
