# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures to latents and back.  Loss: the absolute error of the pixels, of differences to the right and below (edges,
which the eye minds more than levels) and of a four times smaller picture; a faint KL term keeps latents round."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from models import Vae
from optim import Optimizer
from stage import Budget, Clock, load_state, log, save_state
from world import World

KL_WEIGHT = 2e-4
HELD_OUT_SEED = 999


def to_input(pictures) -> Tensor:
    """uint8 [B,H,W,3] -> [B,3,H,W] in -1 … 1"""
    return torch.from_numpy(pictures.copy()).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def picture_loss(y: Tensor, x: Tensor) -> Tensor:
    d = y - x
    edges = (d[..., 1:] - d[..., :-1]).abs().mean() + (d[..., 1:, :] - d[..., :-1, :]).abs().mean()
    return d.abs().mean() + edges + 0.5 * F.avg_pool2d(d, 4).abs().mean()


@torch.no_grad()
def psnr(vae: Vae, pictures: Tensor) -> float:
    """mean over pictures, in dB"""
    y = torch.cat([vae.decoder(vae.encode(x)[0]) for x in pictures.split(32)])
    mse = ((y.clamp(-1, 1) - pictures) / 2).square().mean(dim=(1, 2, 3))
    return float((-10 * torch.log10(mse)).mean())


def train(b: Budget, folder: Path) -> Vae:
    path = folder / "vae.pt"
    vae, layout = Vae(b.vae).to(b.device), torch.contiguous_format
    if b.device == "cuda":  # faster there, half as fast on CPUs (group norm)
        layout = torch.channels_last
        vae = vae.to(memory_format=layout)
    optim = Optimizer(dict(vae.named_parameters()), lambda k: "conv_in" in k or "conv_out" in k, 0.01, 2e-3)
    state = load_state(path)
    clock, step, seen = Clock(b.vae_seconds), 0, 0
    if state:
        vae.load_state_dict(state["model"])
        if state["done"]:
            return vae
        optim.load(state["optim"])
        clock, step, seen = Clock(b.vae_seconds, state["spent"]), state["step"], state["seen"]

    def save(done: bool) -> None:
        save_state(path, {"model": vae.state_dict(), "optim": optim.state(), "spent": clock.spent, "step": step,
                          "seen": seen, "done": done, "scale": scale, "shift": shift})  # fmt: skip

    held = World(folder, HELD_OUT_SEED, size=b.size)
    check = to_input(held.take(96)[0]).to(b.device)
    held.close()
    world = World(folder, seed=2, start=seen, size=b.size, workers=b.workers)
    scale, shift, saved, average = 1.0, 0.0, clock.spent, 0.0
    while (share := clock.tick()) < 1:
        x = to_input(world.take(b.vae_batch)[0]).to(b.device, memory_format=layout)
        with torch.autocast(b.device, torch.bfloat16, enabled=b.bf16):
            mean, logvar = vae.encode(x)
            z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
            y = vae.decoder(z)
            kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
        loss = picture_loss(y.float(), x) + KL_WEIGHT * kl
        optim.zero_grad()
        loss.backward()
        optim.step(Clock.rate(share, step, warm=50))
        step, seen = step + 1, world.seen
        average += (float(loss.detach()) - average) * max(0.02, 1 / step)
        if step % 100 == 0:
            log(folder, f"vae {share:.0%} step {step} pictures {seen} loss {average:.4f} kl {float(kl):.2f}"
                + (f" PSNR {psnr(vae, check):.2f} dB" if step % 300 == 0 else ""))  # fmt: skip
        if clock.spent - saved > 120:
            saved = clock.spent
            save(False)
    world.close()
    with torch.no_grad():
        z = torch.cat([vae.encode(x)[0] for x in check.split(32)])
    scale, shift = 1 / float(z.std()), float(z.mean())
    log(folder, f"vae done: pictures {seen} PSNR {psnr(vae, check):.2f} dB, latent std {1 / scale:.3f} "
        f"mean {shift:.3f}")  # fmt: skip
    save(True)
    return vae
