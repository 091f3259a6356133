# SPDX-License-Identifier: GPL-3.0-or-later
"""Words: the tokenizer, then the text model as a language model.

A sample is a chat: the user says one caption of a scene, the assistant another caption of the same scene.  To foresee
the second, the model must bind colours to things and know that “A left of B” is “B right of A”, which is just what the
denoiser will need; and it leaves a model that answers in whole sentences.  The denoiser's stage trains it on."""

import random
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from models import Text
from optim import Optimizer
from stage import Budget, Clock, load_state, log, save_state
from tokens import Tokenizer, learn
from world import World

HERE = Path(__file__).resolve().parent
LENGTH = 48
DROPOUT = 0.03  # of merges (arXiv:1910.13267): unknown words come in small pieces, which must mean something


def tokenizer(b: Budget, folder: Path) -> Tokenizer:
    """Learnt once; kept in the state folder in the exported layout."""
    where = folder / "tokenizer"
    if not (where / "tokenizer.json").exists():
        world = World(folder, seed=3, captions=2, pixels=False)
        lines = [c for scene in world.take(40000)[1] for c in scene]
        world.close()
        t = learn(lines, b.merges, (HERE / "chat_template.jinja").read_text())
        t.save(where)
        log(folder, f"tokenizer: {len(t.merges)} merges, {t.size} tokens")
    return Tokenizer.load(where)


def vocabulary(t: Tokenizer) -> int:
    return -(-t.size // 32) * 32


def chats(t: Tokenizer, scenes: list[list[str]], rng: random.Random) -> tuple[Tensor, Tensor]:
    """-> ids [B,LENGTH], true where a token is to be foretold [B,LENGTH]"""
    pad, end = t.added["<|endoftext|>"], t.added["<|im_end|>"]
    ids = torch.full((len(scenes), LENGTH), pad)
    real = torch.zeros(len(scenes), LENGTH, dtype=torch.bool)
    for i, scene in enumerate(scenes):
        first, second = rng.sample(scene, 2)
        row = [*t.prompt(first, DROPOUT if rng.random() < 0.3 else 0.0, rng), *t.encode(second), end][:LENGTH]
        ids[i, : len(row)] = torch.tensor(row)
        real[i, 1 : len(row)] = True
    return ids, real


def language_loss(text: Text, ids: Tensor, real: Tensor) -> Tensor:
    """nats per token"""
    _, logits = text(ids[:, :-1], logits=True)
    return F.cross_entropy(logits[real[:, 1:]], ids[:, 1:][real[:, 1:]])


def optimizer(text: Text, share: float = 1.0) -> Optimizer:
    return Optimizer(dict(text.named_parameters()), lambda k: "embed" in k, 0.02 * share, 3e-3 * share)


def train(b: Budget, folder: Path, t: Tokenizer) -> Text:
    path = folder / "text.pt"
    b.text.vocab = vocabulary(t)
    text = Text(b.text).to(b.device)
    optim = optimizer(text)
    clock, step, seen = Clock(b.text_seconds), 0, 0
    state = load_state(path)
    if state:
        text.load_state_dict(state["model"])
        if state["done"]:
            return text
        optim.load(state["optim"])
        clock, step, seen = Clock(b.text_seconds, state["spent"]), state["step"], state["seen"]
    world = World(folder, seed=4, start=seen, captions=3, pixels=False)
    rng, average, saved = random.Random(seen), 0.0, clock.spent

    def save(done: bool) -> None:
        save_state(path, {"model": text.state_dict(), "optim": optim.state(), "spent": clock.spent, "step": step,
                          "seen": seen, "done": done})  # fmt: skip

    while (share := clock.tick()) < 1:
        ids, real = chats(t, world.take(64)[1], rng)
        loss = language_loss(text, ids.to(b.device), real.to(b.device))
        optim.zero_grad()
        loss.backward()
        optim.step(Clock.rate(share, step))
        step, seen = step + 1, world.seen
        average += (float(loss.detach()) - average) * max(0.02, 1 / step)
        if step % 100 == 0:
            log(folder, f"text {share:.0%} step {step} captions {2 * seen} loss {average:.4f} nats per token")
        if clock.spent - saved > 120:
            saved = clock.spent
            save(False)
    world.close()
    log(folder, f"text done: captions {2 * seen} loss {average:.4f} nats per token")
    save(True)
    return text
