"""Grids: what is drawn, with which settings, and how it is laid out."""
