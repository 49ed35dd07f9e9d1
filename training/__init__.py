"""The engine. Imports point one way: nodes -> training -> (training.host | pure code)."""
