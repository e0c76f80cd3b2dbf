"""Computations behind the explorers, one module for each: a `State` of the controls, and `render`, which returns a `Result`; no widgets."""
