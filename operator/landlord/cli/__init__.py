"""The ``landlord`` program (also ``kubectl landlord``): arguments in, words and exit codes out."""
