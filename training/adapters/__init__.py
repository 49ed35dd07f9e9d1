"""What is trained, and how it is named, written and read."""
