"""The Northflank API: endpoints, pages, retry, and what of an answer is secret.

Nothing is imported here, so that reading files does not pay for the network.
"""
