# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts how often the exported model puts two shapes of the right colours in the right places: judge.py [--each N].

An oracle without a network: forms are connected patches that differ from the ground (the border's median colour); a
patch has the name of the nearest of the eleven colours.  Its own mistakes on drawn pictures are printed first."""

import argparse
import itertools
import json
import random
import subprocess
from pathlib import Path

import numpy
import torch

import export
from sampling import generate
from world import build

NAMES = ["black", "white", "red", "green", "yellow", "blue", "brown", "orange", "pink", "purple", "grey"]
# the middle of each colour as the world paints it
RGB = numpy.array([[18, 18, 20], [242, 242, 240], [214, 33, 33], [51, 153, 59], [247, 217, 46], [38, 82, 204],
                   [115, 69, 33], [245, 135, 26], [247, 148, 186], [128, 51, 166], [138, 138, 140]], float)  # fmt: skip


def lab(rgb: numpy.ndarray) -> numpy.ndarray:
    """sRGB 0 … 255 [...,3] -> CIELAB"""
    c = rgb / 255
    c = numpy.where(c > 0.04045, ((c + 0.055) / 1.055) ** 2.4, c / 12.92)
    xyz = c @ numpy.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]])
    f = xyz / numpy.array([0.9505, 1.0, 1.089])
    f = numpy.where(f > 0.008856, numpy.cbrt(f), 7.787 * f + 16 / 116)
    return numpy.stack((116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])), -1)


def patches(picture: numpy.ndarray) -> list[tuple[str, float, float, int]]:
    """-> (colour, x, y, pixels) of each patch of more than 20 pixels, largest first; x, y 0 … 1"""
    colours = lab(picture.astype(float))
    border = numpy.concatenate((colours[:2].reshape(-1, 3), colours[-2:].reshape(-1, 3), colours[:, :2].reshape(-1, 3)))
    height, width, _ = colours.shape
    differs = numpy.abs(colours - numpy.median(border, 0)) @ numpy.array([0.6, 1.0, 1.0]) > 22
    named = numpy.linalg.norm(colours[:, :, None] - lab(RGB), axis=-1).argmin(-1)
    found, seen = [], ~differs
    for y0, x0 in zip(*numpy.nonzero(differs)):
        if seen[y0, x0]:
            continue
        heap, members = [(y0, x0)], []
        seen[y0, x0] = True
        while heap:
            y, x = heap.pop()
            members.append((y, x))
            for v, u in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
                if 0 <= v < height and 0 <= u < width and not seen[v, u]:
                    seen[v, u] = True
                    heap.append((v, u))
        if len(members) > 20:
            ys, xs = numpy.array(members).T
            colour = NAMES[numpy.bincount(named[ys, xs], minlength=11).argmax()]
            found.append((colour, xs.mean() / width, ys.mean() / height, len(members)))
    return sorted(found, key=lambda p: -p[3])


def verdict(picture: numpy.ndarray, first: str, second: str, across: bool) -> tuple[bool, bool]:
    """-> both colours are there, and first lies left of (above) second"""
    best = patches(picture)[:4]
    colours = [p[0] for p in best]
    if first not in colours or second not in colours:
        return False, False
    a, b = best[colours.index(first)], best[colours.index(second)]
    return True, (a[1] < b[1] - 0.1) if across else (a[2] < b[2] - 0.1)


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--model", type=Path, default=Path(__file__).resolve().parent.parent)
    args.add_argument("--each", type=int, default=100, help="prompts")
    args.add_argument("--state", type=Path, default=Path(__file__).resolve().parent / "state")
    args.add_argument("--threads", type=int, default=2)
    a = args.parse_args()
    torch.set_num_threads(a.threads)

    command = [build(a.state), "--seed", "999", "--count", "3000", "--json", "--captions", "0"]
    stream = subprocess.Popen(command, stdout=subprocess.PIPE).stdout
    right = total = 0
    for _ in range(3000):
        truth = json.loads(stream.readline())
        picture = numpy.frombuffer(stream.read(64 * 64 * 3), numpy.uint8).reshape(64, 64, 3)
        if truth.get("layout") in ("left_of", "above") and truth["ground"] == "plain":
            names = [i["colour"] for i in truth["items"]]
            if "white" in names or names[0] == names[1]:
                continue
            total += 1
            right += verdict(picture, *names, truth["layout"] == "left_of")[1]
    print(f"the oracle on {total} drawn pictures: {right / total:.1%} right")

    rng = random.Random(7)
    colours = [c for c in NAMES if c != "white"]
    pairs = rng.sample(list(itertools.permutations(colours, 2)), min(a.each, 90))
    shapes, p = ["circle", "square", "triangle", "star"], export.load(a.model)
    jobs = [(*c, rng.choice(shapes), rng.choice(shapes), rng.random() < 0.5) for c in pairs]
    prompts = [f"a {c} {s} {'left of' if across else 'above'} a {d} {u}" for c, d, s, u, across in jobs]
    prompts = [q.replace("a orange", "an orange") for q in prompts]
    there = placed = 0
    for i in range(0, len(jobs), 32):
        for picture, (c, d, _, _, across) in zip(generate(p, prompts[i : i + 32], seed=i), jobs[i : i + 32]):
            seen, good = verdict(picture, c, d, across)
            there, placed = there + seen, placed + good
    n = len(jobs)
    print(f"the model on {n} prompts: both colours {there / n:.0%}, also in place {placed / n:.0%}")


main()
