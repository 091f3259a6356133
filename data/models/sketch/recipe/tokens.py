# SPDX-License-Identifier: GPL-3.0-or-later
"""Byte-level byte-pair encoding (arXiv:1508.07909) in the layout of Qwen2 tokenizers: learn, write, read, encode.

Reading is for what this recipe writes."""

import heapq
import json
import random
import re
import unicodedata
from collections import Counter
from pathlib import Path

from files import write_whole

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
           "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
           "<|image_pad|>", "<|video_pad|>"]  # fmt: skip
ADDED = ["<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
         "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>", "</think>"]  # fmt: skip

SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
         r"|\s+(?!\S)|\s+")  # fmt: skip


def _python_split(letter: str, number: str) -> re.Pattern:
    outside = SPLIT.replace(r"[^\r\n\p{L}\p{N}]", r"(?:[^\r\n\w]|_)").replace(r"[^\s\p{L}\p{N}]", r"(?:[^\s\w]|_)")
    return re.compile(outside.replace(r"\p{L}", letter).replace(r"\p{N}", number))


# Python's re has no \p{…}: numbers are spelled out (digits of all scripts, fractions, Roman …), letters are what is
# left of \w
_NUMBERS = "".join(c for c in map(chr, range(0x110000)) if unicodedata.category(c)[0] == "N")
_ASCII_SPLIT = _python_split("[A-Za-z]", "[0-9]")
_UNICODE_SPLIT = _python_split(rf"(?:(?![{_NUMBERS}_])\w)", f"[{_NUMBERS}]")
_ADDED_SPLIT = re.compile("(" + "|".join(map(re.escape, SPECIAL + ADDED)) + ")")


def _byte_letters() -> list[str]:
    """A printable letter for each byte: itself where it has a shape, else the next free one from U+0100."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [b for b in range(256) if b not in set(shown)]
    table = {b: chr(b) for b in shown} | {b: chr(0x100 + i) for i, b in enumerate(hidden)}
    return [table[b] for b in range(256)]


LETTERS = _byte_letters()
_FIRST = sorted(LETTERS, key=lambda c: (ord(c) >= 0x100, ord(c)))


def _words(text: str) -> list[str]:
    return (_ASCII_SPLIT if text.isascii() else _UNICODE_SPLIT).findall(text)


def _letters(word: str) -> tuple[str, ...]:
    return tuple(LETTERS[b] for b in word.encode())


class Tokenizer:
    def __init__(self, merges: list[tuple[str, str]], template: str) -> None:
        self.merges, self.template = merges, template
        pieces = _FIRST + [a + b for a, b in merges]
        self.vocab = {p: i for i, p in enumerate(pieces)}
        self.added = {p: len(pieces) + i for i, p in enumerate(SPECIAL + ADDED)}
        self.rank = {m: i for i, m in enumerate(merges)}
        self.names = {i: p for p, i in (self.vocab | self.added).items()}
        self.cache: dict[str, list[int]] = {}

    @property
    def size(self) -> int:
        return len(self.vocab) + len(self.added)

    def _word(self, word: str, dropout: float = 0.0, rng: random.Random | None = None) -> list[int]:
        parts = list(_letters(word))
        while len(parts) > 1:
            pairs = [(self.rank[p], i) for i, p in enumerate(zip(parts, parts[1:])) if p in self.rank]
            if dropout:
                pairs = [p for p in pairs if rng.random() >= dropout]
            if not pairs:
                break
            _, i = min(pairs)
            parts[i : i + 2] = [parts[i] + parts[i + 1]]
        return [self.vocab[p] for p in parts]

    def encode(self, text: str, dropout: float = 0.0, rng: random.Random | None = None) -> list[int]:
        ids: list[int] = []
        for piece in _ADDED_SPLIT.split(text):
            if piece in self.added:
                ids.append(self.added[piece])
                continue
            for word in _words(unicodedata.normalize("NFC", piece)):
                if dropout:
                    ids += self._word(word, dropout, rng)
                    continue
                if word not in self.cache:
                    self.cache[word] = self._word(word)
                ids += self.cache[word]
        return ids

    def prompt(self, text: str, dropout: float = 0.0, rng: random.Random | None = None) -> list[int]:
        """What the denoiser is conditioned on: a user's turn and the start of the answer."""
        head = [self.added["<|im_start|>"], *self.encode("user\n")]
        tail = [self.added["<|im_end|>"], *self.encode("\n"), self.added["<|im_start|>"], *self.encode("assistant\n")]
        return head + self.encode(text, dropout, rng) + tail

    def decode(self, ids: list[int]) -> str:
        back = {c: b for b, c in enumerate(LETTERS)}
        out = b""
        for i in ids:
            name = self.names.get(i, "")
            out += name.encode() if i >= len(self.vocab) else bytes(back[c] for c in name)
        return out.decode(errors="replace")

    def save(self, folder: Path) -> None:
        def entry(name: str) -> dict:
            flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
            return {"content": name, **flags, "special": name in SPECIAL}

        def put(name: str, data) -> None:
            write_whole(folder / name, (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode())

        level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
        put("tokenizer.json", {
            "version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [{"id": i, **entry(n)} for n, i in self.added.items()],
            "normalizer": {"type": "NFC"},
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": SPLIT}, "behavior": "Isolated", "invert": False}, level]},
            "post_processor": level,
            "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "",
                      "end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                      "vocab": self.vocab, "merges": [list(m) for m in self.merges]}})  # fmt: skip
        put("vocab.json", self.vocab)
        write_whole(folder / "merges.txt", "\n".join(["#version: 0.2", *map(" ".join, self.merges), ""]).encode())
        put("tokenizer_config.json", {
            "add_bos_token": False, "add_prefix_space": False,
            "added_tokens_decoder": {str(i): entry(n) for n, i in self.added.items()},
            "additional_special_tokens": SPECIAL[1:], "bos_token": None, "chat_template": self.template,
            "clean_up_tokenization_spaces": False, "eos_token": "<|im_end|>", "errors": "replace",
            "model_max_length": 512, "pad_token": "<|endoftext|>", "split_special_tokens": False,
            "tokenizer_class": "Qwen2Tokenizer", "unk_token": None})  # fmt: skip

    @staticmethod
    def load(folder: Path) -> "Tokenizer":
        merges = json.loads((folder / "tokenizer.json").read_text())["model"]["merges"]
        template = json.loads((folder / "tokenizer_config.json").read_text())["chat_template"]
        return Tokenizer([(a, b) for a, b in merges], template)


def learn(lines: list[str], limit: int, template: str) -> Tokenizer:
    """Merges the commonest pair until `limit` merges, or until no pair occurs four times."""
    counts = Counter(w for line in lines for w in _words(line))
    for word in ("user", "assistant", "system"):  # the template's own words are one token each
        counts[word] += len(lines)
    words = [(list(_letters(w)), n) for w, n in counts.items()]
    pairs: Counter = Counter()
    where: dict[tuple[str, str], set[int]] = {}
    for i, (parts, n) in enumerate(words):
        for p in zip(parts, parts[1:]):
            pairs[p] += n
            where.setdefault(p, set()).add(i)
    heap = [(-n, p) for p, n in pairs.items()]
    heapq.heapify(heap)
    merges: list[tuple[str, str]] = []
    while heap and len(merges) < limit:
        n, best = heapq.heappop(heap)
        if -n != pairs[best]:
            continue  # stale
        if -n < 4:
            break
        merges.append(best)
        touched = set()
        for i in where.pop(best):
            parts, count = words[i]
            for p in zip(parts, parts[1:]):
                pairs[p] -= count
                touched.add(p)
            j = 0
            while j < len(parts) - 1:
                if (parts[j], parts[j + 1]) == best:
                    parts[j : j + 2] = [best[0] + best[1]]
                j += 1
            for p in zip(parts, parts[1:]):
                pairs[p] += count
                where.setdefault(p, set()).add(i)
                touched.add(p)
        for p in touched:
            if pairs[p] > 0 and p != best:
                heapq.heappush(heap, (-pairs[p], p))
    return Tokenizer(merges, template)
