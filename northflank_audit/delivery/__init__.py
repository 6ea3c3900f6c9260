"""Getting reports to where they are read."""
