"""A user's own examples: what the original and each candidate answer for them, and how often that is right."""
