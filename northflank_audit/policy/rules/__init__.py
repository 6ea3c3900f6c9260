"""Rule files: their form, reading, validation and examples."""
