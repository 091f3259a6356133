# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures from the exported folder: sample.py [--model DIR] [-o FILE.png] [--seed N] [--each N] PROMPT…

Writes a sheet, one row a prompt.  --dump FILE also writes the noise and the latents as safetensors, to compare with."""

import argparse
import time
from pathlib import Path

import torch

import export
from files import save_png, save_safetensors, sheet
from sampling import generate


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("prompts", nargs="+")
    args.add_argument("--model", type=Path, default=Path(__file__).resolve().parent.parent)
    args.add_argument("-o", "--output", type=Path, default=Path("sample.png"))
    args.add_argument("--seed", type=int, default=0)
    args.add_argument("--each", type=int, default=4, help="pictures of each prompt")
    args.add_argument("--steps", type=int)
    args.add_argument("--guidance", type=float)
    args.add_argument("--shift", type=float)
    args.add_argument("--scale", type=int, default=2, help="enlargement in the sheet")
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("--dump", type=Path)
    a = args.parse_args()
    torch.set_num_threads(a.threads)
    p = export.load(a.model)
    p.steps = a.steps or p.steps
    p.guidance = p.guidance if a.guidance is None else a.guidance
    p.schedule_shift = a.shift or p.schedule_shift
    prompts = [q for q in a.prompts for _ in range(a.each)]
    side = p.size // p.vae.factor
    shape = (len(prompts), p.denoiser.s.channels, side, side)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(a.seed))
    start = time.monotonic()
    pictures = generate(p, prompts, noise=noise)
    seconds = time.monotonic() - start
    save_png(a.output, sheet(list(pictures), a.each, a.scale))
    if a.dump:
        rgb = torch.from_numpy(pictures).float()
        save_safetensors(a.dump, {"input.noise": noise, "output.pictures": rgb}, torch.float32)
    print(f"{len(prompts)} pictures, {p.steps} steps, guidance {p.guidance}: {seconds / len(prompts):.2f} s each")


main()
