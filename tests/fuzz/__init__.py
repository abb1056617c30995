"""Mutated records and files over everything that reads what comes from outside: `python -m tests.fuzz --seconds 60`.

mutations  good records and texts, and what is done to them
readers    the readers; each call makes one batch from a seed and judges the answer
run        runs readers in turn, and says what was answered
"""
