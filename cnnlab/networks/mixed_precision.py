"""Mixed precision: training in bfloat16 where the machine has instructions for it, in float32 elsewhere."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch


def compute_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 on machines with instructions for it, which halves the training time; emulated, it would be slower than float32."""
    supported = (
        torch.cuda.is_bf16_supported() if device.type == "cuda" else torch.cpu._is_avx512_bf16_supported()
    )
    return torch.bfloat16 if supported else torch.float32


def autocast_for(device: torch.device) -> AbstractContextManager:
    """Autocast: matrix products and convolutions inside use `compute_dtype`; weights, sums and all else stay in float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=compute_dtype(device) is torch.bfloat16)
