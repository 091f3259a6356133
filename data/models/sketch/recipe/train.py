# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains Sketch from nothing and exports it.

  train.py --budget cpu|gpu [--threads N] [--minutes N] [--state DIR] [--out DIR] [--no-export | --only-export]

Stages: tokenizer, text model, VAE, then the denoiser together with the text model.  State is saved every few minutes
under recipe/state; the same command goes on where it was stopped.  When a run is complete, the same command starts
another: only the denoiser's stage, from its averages.  --minutes is the length of that stage."""

import argparse
import sys
from pathlib import Path

import torch

import export
import stage
import stage_denoiser
import stage_text
import stage_vae
from sampling import Pipeline

HERE = Path(__file__).resolve().parent


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--budget", default="cpu")
    args.add_argument("--threads", type=int)
    args.add_argument("--minutes", type=float, help="of the denoiser's stage")
    args.add_argument("--state", type=Path, default=HERE / "state")
    args.add_argument("--out", type=Path, default=HERE.parent)
    args.add_argument("--no-export", action="store_true")
    args.add_argument("--only-export", action="store_true", help="write the folder from the saved state")
    a = args.parse_args()
    b = stage.budget(a.budget)
    if b.device == "cuda" and not torch.cuda.is_available():
        sys.exit("train: the gpu budget needs a GPU with CUDA, and PyTorch sees none")
    if a.minutes:
        b.denoiser_seconds = 60 * a.minutes
    torch.set_num_threads(a.threads or b.threads)
    if b.device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    a.state.mkdir(parents=True, exist_ok=True)

    def publish(p: Pipeline, samples: int) -> None:
        if not a.no_export:
            size = export.save(p, a.out)
            after = f" after {samples} samples" if samples else ""
            stage.log(a.state, f"exported{after}: {size / 1e6:.1f} MB of weights")

    torch.manual_seed(1)
    t = stage_text.tokenizer(b, a.state)
    text = stage_text.train(b, a.state, t)
    vae = stage_vae.train(b, a.state)
    torch.manual_seed(torch.seed())
    if a.only_export:
        return publish(stage_denoiser.trained(b, a.state, t, text, vae), 0)
    stage_denoiser.train(b, a.state, t, text, vae, publish)


main()
