"""AceCoder in JAX: test synthesis, reward modelling, best-of-N and REINFORCE++ for code models."""

__version__ = "0.1.0"
