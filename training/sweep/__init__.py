"""Workflows as prompts in a queue."""
