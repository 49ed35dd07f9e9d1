"""The figures we claim, and what makes them: `python dev.py measure NAME [--quick]`."""
