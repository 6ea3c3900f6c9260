"""Audits many targets, each as `run` would, and sums them up in one report."""
