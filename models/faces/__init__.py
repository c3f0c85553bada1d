"""The face finder used for blurring: manifest, weights, licence and card."""
