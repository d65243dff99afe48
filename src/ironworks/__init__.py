"""Ironworks trains, compiles and serves machine-learning models behind the Amazon SageMaker API."""

__version__ = "0.1.0"
