"""Reduced precision: candidates that are smaller or faster than the model and not equal to it.

* `bf16`: 8 significant bits. OpenVINO multiplies so where the processor can; ONNX Runtime keeps the weights so, in half
  the bytes, and computes in float32.
* `int8`: weights and activations. The ranges of activations are measured on examples, which is called calibration.
* `int8-weights`: weights, and activations only where an engine finds their range at each call.

`request` says which of them a compilation asks for, `build` builds them, `choice` decides.
"""
