"""Predictions about people: how likely they convert or leave, and what they will spend, with proof that it holds."""
