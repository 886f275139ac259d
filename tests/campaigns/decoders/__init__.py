"""Odd input for everything that reads the outside world: `python -m tests.campaigns.decoders [seconds] [seed]`."""
