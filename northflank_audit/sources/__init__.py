"""Sources of resources: the API, files, standard input.

Each yields resources page by page. This package imports nothing itself, so that audits of files load no HTTP client.
"""
