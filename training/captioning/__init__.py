"""Captions from models: which pictures want one, who writes it, and that none is lost."""
