"""At a stop: what buses without a network of their own hand over goes on to the cloud, and its answers come back."""
