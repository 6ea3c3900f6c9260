"""Policy as code: rule files, their expressions, the engine that judges, waivers. No I/O, no clock."""
