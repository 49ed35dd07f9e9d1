"""A LoRA with its card and pictures in one folder, ready to be given away."""
