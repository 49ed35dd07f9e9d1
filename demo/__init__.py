"""The demo: a tiny base model that ComfyUI loads by itself, pictures, and what made them."""
