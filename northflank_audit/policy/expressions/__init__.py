"""CEL: compiles, evaluates, traces, and says what an expression reads.

Rules, and when they are vacuous, are outside of this folder.
"""
