"""One pass per kind: gather, decide, act, record. Nothing is chosen here that ``core`` could choose."""
