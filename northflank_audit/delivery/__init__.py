"""Delivers reports: files, mail, notifications, metrics, heartbeat."""
