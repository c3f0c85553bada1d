"""The road damage detector: manifest, weights, card, training and evaluation."""
