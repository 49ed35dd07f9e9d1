"""Runs as a person sees them: their curves, what is known of each, what can be done with them."""
