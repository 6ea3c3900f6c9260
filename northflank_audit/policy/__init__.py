"""Policy as code: rule files, their expressions, the engine that evaluates, waivers. No I/O, no clock."""
