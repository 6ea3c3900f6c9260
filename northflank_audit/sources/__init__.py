"""Where resources come from: the API, files, standard input. Each yields resources page by page.

Nothing is imported here, so that reading files does not pay for the network.
"""
