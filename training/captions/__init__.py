"""Captions edited and judged across a whole set. Pure; what ComfyUI knows comes from `host`."""
