"""Builders of kernels: one module a kind of operation, each a function from shapes to `ir.Kernel`."""
