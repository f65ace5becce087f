"""Recommendations: models that are learned from interactions, their proof against popularity, and their answers."""
