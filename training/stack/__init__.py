"""A stack of LoRAs: the rows of the node, what other packs write, and what acts where. Pure."""
