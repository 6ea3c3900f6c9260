#!/usr/bin/env python3
"""Audit the container registry credentials of a Northflank account."""

from northflank_audit.cli import main

if __name__ == "__main__":
    main()
