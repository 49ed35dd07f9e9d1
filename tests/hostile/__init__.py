"""Input from strangers: what is not, or not quite, what it says; and what becomes of it."""
