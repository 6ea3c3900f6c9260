"""The API client: endpoints, pages, retry, rate limit, masking.

It imports nothing itself, so that audits of files need not load an HTTP client.
"""
