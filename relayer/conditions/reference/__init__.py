"""The definitions of `conditions.md`, sentence by sentence, over whole paths: slow, and meant to be read beside them.

It shares the nouns (specs, events, verdicts) with the incremental evaluator and nothing else, so that the two can be
held against each other, and it recomputes verdicts from evidence.
"""
