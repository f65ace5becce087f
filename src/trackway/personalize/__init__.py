"""Decisions about single people, made from what they did: preferences, the stage of their journey, suggestions."""
