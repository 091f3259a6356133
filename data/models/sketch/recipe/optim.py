# SPDX-License-Identifier: GPL-3.0-or-later
"""Muon (K. Jordan, 2024: momentum, then the nearest orthogonal matrix by Newton-Schulz steps) for the inner matrices
and kernels, Adam for the rest; in a small budget it needs far fewer steps."""

import math
from collections import defaultdict

import torch
from torch import Tensor


def orthogonal(g: Tensor, steps: int = 4) -> Tensor:
    """[N, rows, cols] -> about U V^T of each, singular values near one"""
    tall = g.shape[1] > g.shape[2]
    x = g.transpose(1, 2) if tall else g
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        a = x @ x.transpose(1, 2)
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.transpose(1, 2) if tall else x


class Optimizer:
    """named: parameters by name; plain(name) says which are left to Adam whatever their shape."""

    def __init__(self, named: dict[str, torch.nn.Parameter], plain, muon_lr: float, adam_lr: float) -> None:
        wide = {k: p for k, p in named.items() if p.ndim >= 2 and min(p.shape[0], p[0].numel()) > 8}
        self.muon = {k: p for k, p in wide.items() if not plain(k)}
        self.adam = {k: p for k, p in named.items() if k not in self.muon}
        self.muon_lr, self.adam_lr = muon_lr, adam_lr
        self.m = {k: torch.zeros_like(p) for k, p in named.items()}
        self.v = {k: torch.zeros_like(p) for k, p in self.adam.items()}
        self.step_no = 0

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """rate: share of the full learning rate"""
        self.step_no += 1
        groups = defaultdict(list)
        for k, p in self.muon.items():
            if p.grad is not None:
                g = p.grad
                self.m[k].lerp_(g, 0.05)
                groups[(p.shape[0], p[0].numel())].append((p, g.lerp(self.m[k], 0.95).reshape(p.shape[0], -1)))
        for (rows, cols), members in groups.items():
            u = orthogonal(torch.stack([g for _, g in members]))
            lr = rate * self.muon_lr * math.sqrt(max(1.0, rows / cols))
            for (p, _), d in zip(members, u):
                p.mul_(1 - lr * 0.01).sub_(d.view_as(p), alpha=lr)
        b1, b2 = 0.9, 0.98
        c1, c2 = 1 - b1**self.step_no, 1 - b2**self.step_no
        for k, p in self.adam.items():
            if p.grad is not None:
                self.m[k].lerp_(p.grad, 1 - b1)
                self.v[k].lerp_(p.grad.square(), 1 - b2)
                p.sub_(rate * self.adam_lr * (self.m[k] / c1) / ((self.v[k] / c2).sqrt() + 1e-8))

    def zero_grad(self) -> None:
        for p in (*self.muon.values(), *self.adam.values()):
            p.grad = None

    def state(self) -> dict:
        return {"m": self.m, "v": self.v, "step": self.step_no}

    def load(self, state: dict) -> None:
        for mine, theirs in ((self.m, state["m"]), (self.v, state["v"])):
            for k in mine:
                mine[k].copy_(theirs[k])
        self.step_no = state["step"]
