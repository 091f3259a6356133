# SPDX-License-Identifier: GPL-3.0-or-later
"""The two file formats of the recipe, in a few lines each: safetensors and PNG."""

import json
import os
import struct
import zlib
from pathlib import Path

import numpy
import torch

_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I32": torch.int32}


def write_whole(path: Path, data: bytes) -> None:
    """Under a temporary name first, so that nobody ever reads half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    os.replace(part, path)


def save_safetensors(path: Path, tensors: dict[str, torch.Tensor], dtype: torch.dtype) -> int:
    name = {v: k for k, v in _DTYPES.items()}[dtype]
    header: dict = {"__metadata__": {"format": "pt"}}
    body, at = [], 0
    for key in sorted(tensors):
        data = tensors[key].detach().to("cpu", dtype).contiguous().flatten().view(torch.uint8).numpy().tobytes()
        header[key] = {"dtype": name, "shape": list(tensors[key].shape), "data_offsets": [at, at + len(data)]}
        body.append(data)
        at += len(data)
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    write_whole(path, struct.pack("<Q", len(head)) + head + b"".join(body))
    return at


def load_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """As f32, whatever is stored."""
    raw = path.read_bytes()
    n = struct.unpack("<Q", raw[:8])[0]
    out = {}
    for key, info in json.loads(raw[8 : 8 + n]).items():
        if key != "__metadata__":
            a, b = info["data_offsets"]
            flat = torch.frombuffer(bytearray(raw[8 + n + a : 8 + n + b]), dtype=_DTYPES[info["dtype"]])
            out[key] = flat.reshape(info["shape"]).float()
    return out


def save_png(path: Path, rgb: numpy.ndarray) -> None:
    """rgb: uint8 [height, width, 3]"""
    height, width, _ = rgb.shape
    rows = numpy.concatenate([numpy.zeros((height, 1), numpy.uint8), rgb.reshape(height, width * 3)], axis=1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    png = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)) + chunk(b"IEND", b"")
    write_whole(path, b"\x89PNG\r\n\x1a\n" + png)


def sheet(pictures: list[numpy.ndarray], columns: int, scale: int = 1) -> numpy.ndarray:
    """Pictures of one size [h, w, 3] side by side, a light gap between."""
    h, w, _ = pictures[0].shape
    h, w, gap = h * scale, w * scale, 4
    rows = -(-len(pictures) // columns)
    out = numpy.full((rows * (h + gap) + gap, columns * (w + gap) + gap, 3), 245, numpy.uint8)
    for i, p in enumerate(pictures):
        y, x = gap + i // columns * (h + gap), gap + i % columns * (w + gap)
        out[y : y + h, x : x + w] = p.repeat(scale, 0).repeat(scale, 1)
    return out
