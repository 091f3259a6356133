# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stages share: budgets, the clock that survives interruptions, the learning rate over it."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch

from models import DenoiserShape, TextShape, VaeShape


@dataclass
class Budget:
    """Seconds and widths.  More runs add denoiser time only: the latents of a trained VAE must not move."""

    device: str = "cpu"
    threads: int = 2
    workers: int = 1  # processes that draw
    size: int = 64
    merges: int = 800
    text_seconds: float = 200
    vae_seconds: float = 1020
    denoiser_seconds: float = 4000
    vae_batch: int = 12
    batch: int = 32
    pool: int = 12288  # latents kept at hand
    fresh: int = 10  # of which replaced each step
    bf16: bool = False
    vae: VaeShape = field(default_factory=VaeShape)
    text: TextShape = field(default_factory=TextShape)
    denoiser: DenoiserShape = field(default_factory=DenoiserShape)


def budget(name: str) -> Budget:
    if name == "cpu":
        return Budget()
    if name == "gpu":  # sized for one data-centre GPU and 25 minutes
        return Budget(
            device="cuda", threads=4, workers=12, size=128, text_seconds=60, vae_seconds=360, denoiser_seconds=1000,
            vae_batch=64, batch=256, pool=65536, fresh=64, bf16=True,
            vae=VaeShape(channels=(48, 96, 192), latent=8, layers=1, groups=16),
            text=TextShape(width=256, inner=704, layers=6, heads=8, kv_heads=4, head=32),
            denoiser=DenoiserShape(channels=8, width=384, layers=10, refiners=2, heads=8, features=256,
                                    axes=(16, 16, 16)),
        )  # fmt: skip
    raise SystemExit(f"train: there is no budget “{name}”; cpu and gpu are")


class Clock:
    """Counts the seconds of a stage over interruptions; the rate warms up, stays, and falls to zero at the end."""

    def __init__(self, seconds: float, spent: float = 0.0) -> None:
        self.seconds, self.spent, self.last = seconds, spent, time.monotonic()

    def tick(self) -> float:
        """-> share of the stage that is over, 0 … 1"""
        now = time.monotonic()
        self.spent += now - self.last
        self.last = now
        return min(1.0, self.spent / self.seconds)

    @staticmethod
    def rate(share: float, step: int, warm: int = 100, fall: float = 0.45) -> float:
        return min(1.0, (step + 1) / warm) * min(1.0, max(0.0, (1 - share) / fall))


def save_state(path: Path, state: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def load_state(path: Path) -> dict | None:
    return torch.load(path, map_location="cpu", weights_only=True) if path.exists() else None


def log(folder: Path, line: str) -> None:
    line = f"{time.strftime('%H:%M:%S')} {line}"
    print(line, flush=True)
    with open(folder / "log.txt", "a") as f:
        print(line, file=f)
