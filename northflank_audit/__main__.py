"""`python -m northflank_audit`: the same as `python audit.py`."""

from northflank_audit.cli import main

main()
