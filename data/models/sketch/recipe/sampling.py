# SPDX-License-Identifier: GPL-3.0-or-later
"""From prompts to pictures with the three networks: what the engine does, in PyTorch."""

from dataclasses import dataclass

import numpy
import torch
from torch import Tensor

from models import MULTIPLE, Denoiser, Text, Vae
from tokens import Tokenizer


@dataclass
class Pipeline:
    tokenizer: Tokenizer
    text: Text
    denoiser: Denoiser
    vae: Vae
    scale: float  # latent = (encoded - shift) * scale
    shift: float
    schedule_shift: float
    size: int = 64
    steps: int = 12
    guidance: float = 2.5


def pad_prompts(t: Tokenizer, rows: list[list[int]], least: int = MULTIPLE) -> tuple[Tensor, Tensor]:
    """-> ids [B,T] with T a multiple of 32, true where a token is real [B,T]"""
    n = max(least, -(-max(map(len, rows)) // MULTIPLE) * MULTIPLE)
    ids = torch.full((len(rows), n), t.added["<|endoftext|>"])
    real = torch.zeros(len(rows), n, dtype=torch.bool)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        real[i, : len(row)] = True
    return ids, real


def sigmas(steps: int, shift: float) -> list[float]:
    """FlowMatchEulerDiscreteScheduler with sigma_min = 0: steps + 1 sigmas from 1 to 0"""
    u = [1 - i / steps for i in range(steps + 1)]
    return [shift * s / (1 + (shift - 1) * s) for s in u]


@torch.no_grad()
def generate(p: Pipeline, prompts: list[str], seed: int = 0, noise: Tensor | None = None) -> numpy.ndarray:
    """-> uint8 [B,size,size,3].  noise [B,C,h,w] if it is to be the same as somebody else's."""
    dev = next(p.denoiser.parameters()).device
    side = p.size // p.vae.factor
    shape = (len(prompts), p.denoiser.s.channels, side, side)
    z = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) if noise is None else noise
    z = z.to(dev)
    rows = [p.tokenizer.prompt(q) for q in prompts]
    least = -(-max(map(len, rows)) // MULTIPLE) * MULTIPLE
    words, real = pad_prompts(p.tokenizer, rows, least)
    none, none_real = pad_prompts(p.tokenizer, [p.tokenizer.prompt("")] * len(prompts))
    ids = [(words.to(dev), real.to(dev)), (none.to(dev), none_real.to(dev))]
    sides = [(p.text(i)[0], r) for i, r in ids[: 2 if p.guidance > 0 else 1]]
    levels = sigmas(p.steps, p.schedule_shift)
    for now, then in zip(levels, levels[1:]):
        t = torch.full((len(prompts),), 1 - now, device=dev)
        v = [p.denoiser(z, t, caption, r) for caption, r in sides]
        v = v[0] + p.guidance * (v[0] - v[1]) if len(v) == 2 else v[0]
        z = z + (then - now) * -v
    x = p.vae.decoder(z / p.scale + p.shift)
    return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
