#!/usr/bin/env python3
"""Audit the container registry credentials of a Northflank account."""

import sys

try:
    from northflank_audit.cli import main
except ModuleNotFoundError as error:
    sys.exit(f"audit.py: the package {error.name} is not installed: pip install --require-hashes -r requirements.txt")

if __name__ == "__main__":
    main()
