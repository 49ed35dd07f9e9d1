"""Workflows as prompts in a queue, and sweeps: many of them from one, side by side."""
