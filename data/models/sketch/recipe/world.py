# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the world program and reads its stream."""

import os
import subprocess
from pathlib import Path

import numpy

HERE = Path(__file__).resolve().parent


def build(folder: Path) -> Path:
    sources = sorted((HERE / "world").glob("*.[ch]"))
    program = folder / "world"
    if not program.exists() or program.stat().st_mtime < max(f.stat().st_mtime for f in sources):
        folder.mkdir(parents=True, exist_ok=True)
        flags = ["-std=gnu17", "-O3", "-march=native", "-ffast-math", "-Wall", "-Wextra"]
        files = [str(f) for f in sources if f.suffix == ".c"]
        subprocess.run([os.environ.get("CC", "cc"), *flags, "-o", str(program), *files, "-lm"], check=True)
    return program


class World:
    """An endless stream of scenes.  `seen` counts them; with the same seed and start the stream is the same, however
    many processes draw it."""

    def __init__(self, folder: Path, seed: int, start: int = 0, size: int = 64, captions: int = 1, pixels: bool = True,
                 workers: int = 1) -> None:  # fmt: skip
        self.seen, self.size, self.captions, self.pixels = start, size, captions, pixels
        args = [str(build(folder)), "--seed", str(seed), "--size", str(size), "--captions", str(captions)]
        args += ["--stride", str(workers)] + ([] if pixels else ["--no-pixels"])
        self.processes = [
            subprocess.Popen([*args, "--start", str(start + i)], stdout=subprocess.PIPE, bufsize=1 << 20)
            for i in range(workers)
        ]
        self.turn = 0

    def take(self, n: int) -> tuple[numpy.ndarray, list[list[str]]]:
        """-> uint8 [n, size, size, 3] (empty without pixels), captions of each"""
        bytes_each = self.size * self.size * 3
        words, pictures = [], []
        for _ in range(n):
            out = self.processes[self.turn].stdout
            self.turn = (self.turn + 1) % len(self.processes)
            words.append([out.readline().decode().rstrip("\n") for _ in range(self.captions)])
            if self.pixels:
                pictures.append(out.read(bytes_each))
        self.seen += n
        shape = (len(pictures), self.size, self.size, 3)
        return numpy.frombuffer(b"".join(pictures), numpy.uint8).reshape(shape), words

    def close(self) -> None:
        for p in self.processes:
            p.stdout.close()
            p.terminate()
            p.wait()
