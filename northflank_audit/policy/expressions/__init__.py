"""CEL: compiling, evaluating, tracing, and what an expression reads.

What a rule is and when it is vacuous belongs beside this folder.
"""
