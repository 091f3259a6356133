# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the networks with a reference pipeline folder: check.py FOLDER, one with case.json and io.safetensors."""

import json
import sys
from pathlib import Path

import torch

import export
from files import load_safetensors
from sampling import sigmas


@torch.no_grad()
def main() -> None:
    folder = Path(sys.argv[1])
    index = json.loads((folder / "model_index.json").read_text())
    own = index.get("pentimento", {"width": 64, "steps": 8, "guidance_scale": 0.0})
    p = export.load(folder, own=own)
    io = load_safetensors(folder / "io.safetensors")
    worst = 0.0

    def report(name: str, mine: torch.Tensor, theirs: torch.Tensor) -> None:
        nonlocal worst
        error = float((mine - theirs).abs().max() / theirs.abs().max())
        worst = max(worst, error)
        print(f"{name}: largest error {error:.1e} of the largest value")

    for run in json.loads((folder / "case.json").read_text())["runs"]:
        name, call = run["run"], run["call"]
        if call.get("cfg_normalization"):
            continue
        prompts = [call["prompt"]] + ([call.get("negative_prompt", "")] if call["guidance_scale"] > 1 else [])
        sides = []
        for i, prompt in enumerate(prompts):
            ids = p.tokenizer.prompt(prompt)
            key = f"input.{name}.prompt_ids" + ("_negative" if i else "")
            theirs = io[key][0, : len(ids)].long().tolist()
            assert ids == theirs, "the tokens differ"
            features = p.text(torch.tensor([ids]))[0]
            if f"inter.{name}.prompt_embeds" in io and not i:
                report(f"{name} text", features[0], io[f"inter.{name}.prompt_embeds"])
            pad = -len(ids) % 32
            real = torch.arange(len(ids) + pad)[None] < len(ids)
            sides.append((torch.cat((features, features[:, -1:].expand(-1, pad, -1)), dim=1), real))
        z = io[f"input.{name}.latents"]
        levels = sigmas(call["num_inference_steps"], p.schedule_shift)
        for k, (now, then) in enumerate(zip(levels, levels[1:])):
            v = [p.denoiser(z, torch.tensor([1 - now]), c, r) for c, r in sides]
            v = v[0] + call["guidance_scale"] * (v[0] - v[1]) if len(v) == 2 else v[0]
            z = z + (then - now) * -v
            report(f"{name} step {k}", z, io[f"output.{name}.step_latents"][k])
        if f"output.{name}.decoded" in io:
            report(f"{name} decoded", p.vae.decoder(z / p.scale + p.shift), io[f"output.{name}.decoded"])
    sys.exit(worst > 1e-3)


main()
