"""Measures how fast endpoints answer: the load generator, the opponents, the statistics and the picture."""
