"""What is well-formed and probably not meant: vacuous rules, odd clauses, mutants that no example notices."""
