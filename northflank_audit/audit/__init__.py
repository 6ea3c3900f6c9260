"""An audit as one straight line: evaluation order, report, comparison, compliance, delivery.

What a rule means, how an API answers and what a format looks like belong to the stages that are called from here.
"""
