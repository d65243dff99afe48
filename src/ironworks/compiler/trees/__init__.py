"""Decision trees and forests: ONNX's tree ensembles as a table that a few lines of C walk."""
