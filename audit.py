#!/usr/bin/env python3
"""Audit the container registry credentials of a Northflank account."""

import sys
from pathlib import Path

if sys.flags.safe_path:  # as with -I: the folder that this file is in is the only one to add, not the working folder
    sys.path.insert(0, str(Path(__file__).resolve().parent))

from northflank_audit.__main__ import main

if __name__ == "__main__":
    try:
        main()
    except ModuleNotFoundError as error:
        sys.exit(
            f"audit.py: the package {error.name} is not installed: pip install --require-hashes -r requirements.txt"
        )
