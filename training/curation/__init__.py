"""Looking at pictures before they are trained on: measures, duplicates, reasons, decisions."""
