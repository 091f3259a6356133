# SPDX-License-Identifier: GPL-3.0-or-later
"""The denoiser and, through it, the text model: flow matching (arXiv:2210.02747) on latents.

  z = (1 - s) x + s e,  t = 1 - s,  target x - e;   s = sigmoid(MEAN + SPREAD n), n normal; one in eight from 0.95 … 1

Why so noisy: forms of this size show through the noise below s = 0.93, and from there on the words are hardly needed to
tell which colour lies where.  With s = sigmoid(0.4 + n) one sample in twenty taught that, and places were not learnt.

A pool of latents is kept in memory, each with a few captions; some are replaced each step, so a latent is used a
handful of times with new noise and mostly another caption, and the encoder costs little.  One prompt in ten is empty,
which is what guidance compares with.  Weights are averaged; the averages are what is exported.  Now and then the text
model also sees a batch of its own task, so that it keeps its language."""

import copy
import random
from pathlib import Path

import torch
import torch.nn.functional as F

from files import save_png, sheet
from models import Denoiser, Text, Vae
from optim import Optimizer
from sampling import Pipeline, generate, pad_prompts
from stage import Budget, Clock, load_state, log, save_state
from stage_text import DROPOUT, chats, language_loss, optimizer as text_optimizer
from stage_vae import to_input
from tokens import Tokenizer
from world import World

MEAN, SPREAD = 1.2, 1.5
EMPTY = 0.1
CAPTIONS = 4
EMA = 0.996
SCHEDULE_SHIFT = 3.0

PROMPTS = [
    "a pink cloud at sunset", "a red circle left of a blue square", "a green hill under a night sky", "a blue cloud",
    "a yellow star on a purple background", "a red house on a green hill", "the sea at dawn",
    "a blue square left of a red circle", "a green triangle above an orange circle", "a small black heart",
    "three white clouds by day", "a full moon above purple hills at night", "a purple ring right of a yellow diamond",
    "an orange tree on a white hill", "two red squares", "a red cloud over the sea at sunset",
]  # fmt: skip


def plain(name: str) -> bool:
    """Left to Adam: the ways in and out, the modulation, the tokens."""
    return any(k in name for k in ("embedder", "final_layer", "pad_token", "adaLN"))


class Pool:
    """Latents [P,C,h,w] in f16 with their captions; grows to its size, then the oldest make room."""

    def __init__(self, b: Budget, folder: Path, vae: Vae, scale: float, shift: float, seen: int) -> None:
        self.b, self.vae, self.scale, self.shift = b, vae, scale, shift
        self.world = World(folder, seed=5, start=seen, size=b.size, captions=CAPTIONS, workers=b.workers)
        side = b.size // vae.factor
        self.z = torch.zeros(b.pool, b.vae.latent, side, side, dtype=torch.float16)
        self.words: list[list[str]] = []
        self.at = 0

    @torch.no_grad()
    def add(self, n: int) -> None:
        pictures, words = self.world.take(n)
        mean, logvar = self.vae.encode(to_input(pictures).to(self.b.device))
        z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
        for row, captions in zip(((z - self.shift) * self.scale).half().cpu(), words):
            self.z[self.at] = row
            if len(self.words) <= self.at:
                self.words.append(captions)
            else:
                self.words[self.at] = captions
            self.at = (self.at + 1) % self.b.pool

    def draw(self, n: int, rng: random.Random) -> tuple[torch.Tensor, list[str]]:
        picks = [rng.randrange(len(self.words)) for _ in range(n)]
        return self.z[picks].float(), [rng.choice(self.words[i]) for i in picks]


def trained(b: Budget, folder: Path, t: Tokenizer, text: Text, vae: Vae) -> Pipeline:
    """The averages of the saved state, however far it is."""
    state, latents = load_state(folder / "denoiser.pt"), load_state(folder / "vae.pt")
    net = Denoiser(b.denoiser).to(b.device)
    net.load_state_dict(state["net_ema"])
    text.load_state_dict(state["text_ema"])
    return Pipeline(t, text, net, vae, latents["scale"], latents["shift"], SCHEDULE_SHIFT, b.size)


def train(b: Budget, folder: Path, t: Tokenizer, text: Text, vae: Vae, on_save=None) -> Pipeline:
    path = folder / "denoiser.pt"
    scale, shift = (load_state(folder / "vae.pt")[k] for k in ("scale", "shift"))
    net = Denoiser(b.denoiser).to(b.device)
    optim = Optimizer(dict(net.named_parameters()), plain, 0.015, 2e-3)
    text_optim = text_optimizer(text, 0.25)
    net_ema, text_ema = copy.deepcopy(net), copy.deepcopy(text)
    clock, step, samples, seen, run = Clock(b.denoiser_seconds), 0, 0, 0, 1
    state = load_state(path)
    if state:
        for module, key in ((net, "net"), (text, "text"), (net_ema, "net_ema"), (text_ema, "text_ema")):
            module.load_state_dict(state[key])
        optim.load(state["optim"])
        text_optim.load(state["text_optim"])
        step, samples, seen, run = (state[k] for k in ("step", "samples", "seen", "run"))
        if state["done"]:  # another run: from the averages, the rate up and down once more
            net.load_state_dict(state["net_ema"])
            text.load_state_dict(state["text_ema"])
            run += 1
        else:
            clock.spent = state["spent"]
    rng = random.Random(seen + run)
    pool = Pool(b, folder, vae, scale, shift, seen)
    chat_world = World(folder, seed=4, start=10_000_000 + seen, captions=3, pixels=False)
    pipeline = Pipeline(t, text_ema, net_ema, vae, scale, shift, SCHEDULE_SHIFT, b.size)
    first, average, chat_average, saved, pictured = step, 0.0, 0.0, clock.spent, clock.spent

    def save(done: bool) -> None:
        save_state(path, {"net": net.state_dict(), "text": text.state_dict(), "net_ema": net_ema.state_dict(),
                          "text_ema": text_ema.state_dict(), "optim": optim.state(), "text_optim": text_optim.state(),
                          "spent": clock.spent, "step": step, "samples": samples, "seen": pool.world.seen, "run": run,
                          "done": done})  # fmt: skip
        if on_save:
            on_save(pipeline, samples)

    pool.add(min(b.pool, 16 * b.batch))
    while (share := clock.tick()) < 1:
        pool.add(b.fresh)
        x, captions = pool.draw(b.batch, rng)
        said = ["" if rng.random() < EMPTY else c for c in captions]
        rows = [t.prompt(c, DROPOUT if rng.random() < 0.3 else 0.0, rng)[:64] for c in said]
        ids, real = pad_prompts(t, rows, 64 if rng.random() < 0.04 else 32)
        x, ids, real = x.to(b.device), ids.to(b.device), real.to(b.device)
        s = torch.sigmoid(torch.randn(b.batch, device=b.device) * SPREAD + MEAN)
        s = torch.where(torch.rand_like(s) < 0.125, 1 - 0.05 * torch.rand_like(s), s)
        e, s4 = torch.randn_like(x), s[:, None, None, None]
        with torch.autocast(b.device, torch.bfloat16, enabled=b.bf16):
            v = net((1 - s4) * x + s4 * e, 1 - s, text(ids)[0], real)
        loss = F.mse_loss(v.float(), x - e)
        chat = step % 6 == 0
        if chat:
            cid, creal = chats(t, chat_world.take(64)[1], rng)
            chat_loss = language_loss(text, cid.to(b.device), creal.to(b.device))
            chat_average += (float(chat_loss.detach()) - chat_average) * (0.05 if chat_average else 1)
        optim.zero_grad()
        text_optim.zero_grad()
        (loss + 0.1 * chat_loss if chat else loss).backward()
        rate = Clock.rate(share, step - first)
        optim.step(rate)
        text_optim.step(rate)
        step, samples = step + 1, samples + b.batch
        average += (float(loss.detach()) - average) * max(0.01, 1 / (step - first))
        with torch.no_grad():
            keep = min(EMA, (step + 1) / (step + 20))
            for ema, now in ((net_ema, net), (text_ema, text)):
                for p, q in zip(ema.parameters(), now.parameters()):
                    p.lerp_(q, 1 - keep)
        if step % 50 == 0:
            log(folder, f"denoiser run {run} {share:.1%} step {step} samples {samples} loss {average:.4f} "
                f"language {chat_average:.3f} {(step - first) * b.batch / (clock.spent + 1):.1f}/s")  # fmt: skip
        if clock.spent - saved > 180:
            saved = clock.spent
            save(False)
        if clock.spent - pictured > 360:
            pictured = clock.spent
            save_png(folder / f"sheet-{step:06}.png", sheet(list(generate(pipeline, PROMPTS)), 4, 2))
    save(True)
    save_png(folder / f"sheet-{step:06}.png", sheet(list(generate(pipeline, PROMPTS)), 4, 2))
    pool.world.close()
    chat_world.close()
    log(folder, f"denoiser run {run} done: samples {samples} loss {average:.4f}")
    return pipeline
