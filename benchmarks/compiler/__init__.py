"""What the compiler makes of a zoo of models, against the libraries that one would use instead."""
