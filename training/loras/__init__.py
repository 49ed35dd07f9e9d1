"""LoRA files taken as deltas of weights: read, merged, resized, extracted, converted. Pure."""
