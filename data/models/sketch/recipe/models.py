# SPDX-License-Identifier: GPL-3.0-or-later
"""The three networks, with the parameter names of the layouts in which they are exported.

Shapes: B pictures, C channels, H W sides, T tokens, D width, N heads of size d.

  Vae      AutoencoderKL (arXiv:2112.10752): picture [B,3,H,W] <-> latent [B,C,H/f,W/f]
  Text     Qwen3ForCausalLM (arXiv:2505.09388): ids [B,T] -> hidden [B,T,D], logits
  Denoiser ZImageTransformer2DModel (arXiv:2511.22699): latent, t, caption features -> velocity

Easy to get wrong: the down-sampling convolution pads right and below only; rope is half-split in Text and interleaved
in Denoiser; the order is picture tokens, then caption tokens; t = 1 - sigma; the velocity points from noise to picture,
so a sampler negates it; modulation has no shift, its gates go through tanh and lie after the second norm.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MULTIPLE = 32  # tokens are padded to multiples of this


class _Rms(torch.autograd.Function):
    """y = x / rms(x), with fewer passes over memory than the sum of its parts: on CPUs a step is 1.3 times as fast."""

    @staticmethod
    def forward(ctx, x: Tensor, eps: float) -> Tensor:
        r = torch.rsqrt(torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_().div_(x.shape[-1]).add_(eps))
        y = x * r
        ctx.save_for_backward(y, r)
        return y

    @staticmethod
    def backward(ctx, g: Tensor) -> tuple[Tensor, None]:
        y, r = ctx.saved_tensors
        along = (g * y).mean(-1, keepdim=True)
        return torch.addcmul(g, y, along, value=-1).mul_(r), None


class RmsNorm(nn.Module):
    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor, times: Tensor | None = None) -> Tensor:
        """times [B,1,D]: a factor on the result, folded into the weight"""
        return _Rms.apply(x, self.eps) * (self.weight if times is None else self.weight * times)


# ── pictures ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class VaeShape:
    channels: tuple[int, ...] = (16, 32, 64)
    latent: int = 4
    layers: int = 1
    groups: int = 8


class ResBlock(nn.Module):
    def __init__(self, cin: int, cout: int, groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, cin, eps=1e-6)
        self.conv1 = nn.Conv2d(cin, cout, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, cout, eps=1e-6)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(cin, cout, 1) if cin != cout else None

    def forward(self, x: Tensor) -> Tensor:  # [B,cin,H,W] -> [B,cout,H,W]
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return h + (self.conv_shortcut(x) if self.conv_shortcut is not None else x)


class PixelAttention(nn.Module):
    """One head over all places."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, width, eps=1e-6)
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x: Tensor) -> Tensor:  # [B,D,H,W]
        b, d, h, w = x.shape
        n = self.group_norm(x).reshape(b, d, h * w).transpose(1, 2)  # [B,HW,D]
        q, k, v = (f(n)[:, None] for f in (self.to_q, self.to_k, self.to_v))
        y = F.scaled_dot_product_attention(q, k, v)[:, 0]
        return x + self.to_out[0](y).transpose(1, 2).reshape(b, d, h, w)


class MidBlock(nn.Module):
    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.resnets = nn.ModuleList([ResBlock(width, width, groups), ResBlock(width, width, groups)])
        self.attentions = nn.ModuleList([PixelAttention(width, groups)])

    def forward(self, x: Tensor) -> Tensor:
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class Sampling(nn.Module):
    def __init__(self, width: int, down: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2) if down else nn.Conv2d(width, width, 3, padding=1)
        self.down = down

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)) if self.down else F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Level(nn.Module):
    def __init__(self, cin: int, cout: int, layers: int, groups: int, sampling: str | None) -> None:
        super().__init__()
        self.resnets = nn.ModuleList([ResBlock(cin if i == 0 else cout, cout, groups) for i in range(layers)])
        if sampling:
            self.add_module(sampling, nn.ModuleList([Sampling(cout, sampling == "downsamplers")]))
        self.sampling = sampling

    def forward(self, x: Tensor) -> Tensor:
        for r in self.resnets:
            x = r(x)
        return getattr(self, self.sampling)[0](x) if self.sampling else x


class Encoder(nn.Module):
    def __init__(self, s: VaeShape) -> None:
        super().__init__()
        c = s.channels
        self.conv_in = nn.Conv2d(3, c[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(
            Level(c[max(i - 1, 0)], c[i], s.layers, s.groups, "downsamplers" if i < len(c) - 1 else None)
            for i in range(len(c))
        )
        self.mid_block = MidBlock(c[-1], s.groups)
        self.conv_norm_out = nn.GroupNorm(s.groups, c[-1], eps=1e-6)
        self.conv_out = nn.Conv2d(c[-1], 2 * s.latent, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:  # [B,3,H,W] -> mean and log variance [B,2C,h,w]
        x = self.conv_in(x)
        for level in self.down_blocks:
            x = level(x)
        return self.conv_out(F.silu(self.conv_norm_out(self.mid_block(x))))


class Decoder(nn.Module):
    def __init__(self, s: VaeShape) -> None:
        super().__init__()
        c = s.channels[::-1]
        self.conv_in = nn.Conv2d(s.latent, c[0], 3, padding=1)
        self.mid_block = MidBlock(c[0], s.groups)
        self.up_blocks = nn.ModuleList(
            Level(c[max(i - 1, 0)], c[i], s.layers + 1, s.groups, "upsamplers" if i < len(c) - 1 else None)
            for i in range(len(c))
        )
        self.conv_norm_out = nn.GroupNorm(s.groups, c[-1], eps=1e-6)
        self.conv_out = nn.Conv2d(c[-1], 3, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:  # [B,C,h,w] -> [B,3,H,W]
        x = self.mid_block(self.conv_in(z))
        for level in self.up_blocks:
            x = level(x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class Vae(nn.Module):
    def __init__(self, shape: VaeShape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder, self.decoder = Encoder(shape), Decoder(shape)

    @property
    def factor(self) -> int:
        return 2 ** (len(self.shape.channels) - 1)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:  # picture in -1 … 1 -> mean, log variance
        mean, logvar = self.encoder(x).chunk(2, dim=1)
        return mean, logvar.clamp(-20, 10)


# ── words ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class TextShape:
    vocab: int = 1024
    width: int = 128
    inner: int = 352
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    head: int = 32
    theta: float = 10000.0
    eps: float = 1e-6


class TextAttention(nn.Module):
    def __init__(self, s: TextShape) -> None:
        super().__init__()
        self.s = s
        self.q_proj = nn.Linear(s.width, s.heads * s.head, bias=False)
        self.k_proj = nn.Linear(s.width, s.kv_heads * s.head, bias=False)
        self.v_proj = nn.Linear(s.width, s.kv_heads * s.head, bias=False)
        self.o_proj = nn.Linear(s.heads * s.head, s.width, bias=False)
        self.q_norm, self.k_norm = RmsNorm(s.head, s.eps), RmsNorm(s.head, s.eps)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:  # [B,T,D]; cos, sin [T,d]
        b, t, _ = x.shape
        s = self.s

        def rope(v: Tensor) -> Tensor:  # half-split
            lo, hi = v.chunk(2, dim=-1)
            return v * cos + torch.cat((-hi, lo), dim=-1) * sin

        q = rope(self.q_norm(self.q_proj(x).view(b, t, s.heads, s.head)).transpose(1, 2))
        k = rope(self.k_norm(self.k_proj(x).view(b, t, s.kv_heads, s.head)).transpose(1, 2))
        v = self.v_proj(x).view(b, t, s.kv_heads, s.head).transpose(1, 2)
        k, v = (u.repeat_interleave(s.heads // s.kv_heads, dim=1) for u in (k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(y.transpose(1, 2).reshape(b, t, -1))


class TextMlp(nn.Module):
    def __init__(self, s: TextShape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(s.width, s.inner, bias=False)
        self.up_proj = nn.Linear(s.width, s.inner, bias=False)
        self.down_proj = nn.Linear(s.inner, s.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class TextLayer(nn.Module):
    def __init__(self, s: TextShape) -> None:
        super().__init__()
        self.input_layernorm = RmsNorm(s.width, s.eps)
        self.self_attn = TextAttention(s)
        self.post_attention_layernorm = RmsNorm(s.width, s.eps)
        self.mlp = TextMlp(s)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class TextBody(nn.Module):
    def __init__(self, s: TextShape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(s.vocab, s.width)
        self.layers = nn.ModuleList(TextLayer(s) for _ in range(s.layers))
        self.norm = RmsNorm(s.width, s.eps)


class Text(nn.Module):
    """Causal, padding on the right: no mask is needed."""

    def __init__(self, s: TextShape) -> None:
        super().__init__()
        self.s = s
        self.model = TextBody(s)
        for p in self.parameters():
            if p.ndim == 2:
                nn.init.normal_(p, std=p.shape[1] ** -0.5 if p.shape[0] != s.vocab else 0.05)

    def forward(self, ids: Tensor, logits: bool = False) -> tuple[Tensor, Tensor | None]:
        """ids [B,T] -> hidden_states[-2], the input of the last layer, which the denoiser reads [B,T,D]; logits"""
        s, t = self.s, ids.shape[1]
        freq = s.theta ** (-torch.arange(0, s.head, 2, device=ids.device) / s.head)
        angle = torch.arange(t, device=ids.device)[:, None] * freq  # [T,d/2]
        cos, sin = (f(torch.cat((angle, angle), dim=-1)) for f in (torch.cos, torch.sin))
        x = self.model.embed_tokens(ids)
        for layer in self.model.layers[:-1]:
            x = layer(x, cos, sin)
        if not logits:
            return x, None
        y = self.model.norm(self.model.layers[-1](x, cos, sin))
        return x, y @ self.model.embed_tokens.weight.T


# ── the denoiser ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class DenoiserShape:
    channels: int = 4  # of the latent
    patch: int = 2
    width: int = 192
    layers: int = 5
    refiners: int = 1
    heads: int = 6
    features: int = 128  # of a caption token
    axes: tuple[int, ...] = (8, 12, 12)
    lengths: tuple[int, ...] = (512, 64, 64)
    theta: float = 256.0
    t_scale: float = 1000.0
    eps: float = 1e-5

    @property
    def modulation(self) -> int:
        return min(self.width, 256)


class Attention(nn.Module):
    def __init__(self, s: DenoiserShape) -> None:
        super().__init__()
        self.heads, self.head = s.heads, s.width // s.heads
        self.to_q, self.to_k, self.to_v = (nn.Linear(s.width, s.width, bias=False) for _ in range(3))
        self.norm_q, self.norm_k = RmsNorm(self.head, 1e-5), RmsNorm(self.head, 1e-5)
        self.to_out = nn.ModuleList([nn.Linear(s.width, s.width, bias=False)])

    def forward(self, x: Tensor, turn: Tensor) -> Tensor:  # [B,T,D]; turn, complex [T,1,1,d/2]
        b, t, width = x.shape
        qkv = F.linear(x, torch.cat((self.to_q.weight, self.to_k.weight, self.to_v.weight)))
        qk, v = qkv.split((2 * width, width), dim=-1)
        norms = torch.stack((self.norm_q.weight, self.norm_k.weight))[:, None]  # [2,1,d]
        qk = _Rms.apply(qk.view(b, t, 2, self.heads, self.head), self.norm_q.eps) * norms
        qk = torch.view_as_real(torch.view_as_complex(qk.float().unflatten(-1, (-1, 2))) * turn).flatten(-2)  # rope
        q, k = qk.to(v.dtype).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v.view(b, t, self.heads, self.head).transpose(1, 2))
        return self.to_out[0](y.transpose(1, 2).reshape(b, t, width))


class FeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        inner = int(width / 3 * 8)
        self.w1 = nn.Linear(width, inner, bias=False)
        self.w2 = nn.Linear(inner, width, bias=False)
        self.w3 = nn.Linear(width, inner, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = F.linear(x, torch.cat((self.w1.weight, self.w3.weight))).chunk(2, dim=-1)
        return self.w2(F.silu(gate) * up)


class Block(nn.Module):
    def __init__(self, s: DenoiserShape, modulated: bool) -> None:
        super().__init__()
        self.attention = Attention(s)
        self.feed_forward = FeedForward(s.width)
        self.attention_norm1, self.attention_norm2 = RmsNorm(s.width, s.eps), RmsNorm(s.width, s.eps)
        self.ffn_norm1, self.ffn_norm2 = RmsNorm(s.width, s.eps), RmsNorm(s.width, s.eps)
        self.adaLN_modulation = nn.ModuleList([nn.Linear(s.modulation, 4 * s.width)]) if modulated else None

    def forward(self, x: Tensor, turn: Tensor, temb: Tensor | None) -> Tensor:
        scale1 = scale2 = gate1 = gate2 = None
        if self.adaLN_modulation is not None:
            scale1, gate1, scale2, gate2 = self.adaLN_modulation[0](temb)[:, None].chunk(4, dim=-1)
            scale1, scale2, gate1, gate2 = 1 + scale1, 1 + scale2, gate1.tanh(), gate2.tanh()
        x = x + self.attention_norm2(self.attention(self.attention_norm1(x, scale1), turn), gate1)
        return x + self.ffn_norm2(self.feed_forward(self.ffn_norm1(x, scale2)), gate2)


class FinalLayer(nn.Module):
    def __init__(self, s: DenoiserShape) -> None:
        super().__init__()
        self.linear = nn.Linear(s.width, s.patch**2 * s.channels)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(s.modulation, s.width))

    def forward(self, x: Tensor, temb: Tensor) -> Tensor:
        scale = 1 + self.adaLN_modulation(temb)[:, None]
        return self.linear(F.layer_norm(x, x.shape[-1:], eps=1e-6) * scale)


class TimeEmbedder(nn.Module):
    def __init__(self, out: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(256, 1024), nn.SiLU(), nn.Linear(1024, out))

    def forward(self, t: Tensor) -> Tensor:  # [B] -> [B,out]
        freq = torch.exp(-math.log(10000) * torch.arange(128, device=t.device) / 128)
        angle = t[:, None] * freq
        return self.mlp(torch.cat((angle.cos(), angle.sin()), dim=-1))


class Denoiser(nn.Module):
    def __init__(self, s: DenoiserShape) -> None:
        super().__init__()
        assert s.width // s.heads == sum(s.axes)
        self.s = s
        key = f"{s.patch}-1"
        self.all_x_embedder = nn.ModuleDict({key: nn.Linear(s.patch**2 * s.channels, s.width)})
        self.all_final_layer = nn.ModuleDict({key: FinalLayer(s)})
        self.noise_refiner = nn.ModuleList(Block(s, True) for _ in range(s.refiners))
        self.context_refiner = nn.ModuleList(Block(s, False) for _ in range(s.refiners))
        self.t_embedder = TimeEmbedder(s.modulation)
        self.cap_embedder = nn.Sequential(RmsNorm(s.features, s.eps), nn.Linear(s.features, s.width))
        self.x_pad_token = nn.Parameter(torch.randn(1, s.width) * 0.02)
        self.cap_pad_token = nn.Parameter(torch.randn(1, s.width) * 0.02)
        self.layers = nn.ModuleList(Block(s, True) for _ in range(s.layers))
        self._start()

    def _start(self) -> None:
        """Gates begin part open, the velocity at zero."""
        for name, p in self.named_parameters():
            if name.endswith(".bias"):
                nn.init.zeros_(p)
            elif "adaLN" in name or "final_layer" in name:
                nn.init.zeros_(p)
            elif p.ndim == 2 and "pad_token" not in name:
                nn.init.normal_(p, std=p.shape[1] ** -0.5)
        w = self.s.width
        for block in (*self.layers, *self.noise_refiner):
            bias = block.adaLN_modulation[0].bias.data
            bias[w : 2 * w] = bias[3 * w :] = 0.4

    def _turn(self, ids: Tensor) -> Tensor:  # [T,3] -> complex [T,1,1,d/2]
        s, parts = self.s, []
        for axis, dim in enumerate(s.axes):
            freq = s.theta ** (-torch.arange(0, dim, 2, dtype=torch.float64, device=ids.device) / dim)
            parts.append(ids[:, axis, None] * freq)
        angle = torch.cat(parts, dim=-1).float()[:, None, None]
        return torch.polar(torch.ones_like(angle), angle)

    def forward(self, z: Tensor, t: Tensor, caption: Tensor, real: Tensor) -> Tensor:
        """z [B,C,h,w], t [B] (0 noise … 1 picture), caption [B,T,F] padded to a multiple of 32, the same for all,
        real [B,T] true where a token is one -> velocity towards the picture [B,C,h,w]"""
        s, p, key = self.s, self.s.patch, f"{self.s.patch}-1"
        b, c, h, w = z.shape
        rows, cols, dev = h // p, w // p, z.device
        temb = self.t_embedder(t * s.t_scale)

        x = z.view(b, c, rows, p, cols, p).permute(0, 2, 4, 3, 5, 1).reshape(b, rows * cols, p * p * c)
        x = self.all_x_embedder[key](x)
        pad = -x.shape[1] % MULTIPLE
        if pad:
            x = torch.cat((x, self.x_pad_token.expand(b, pad, -1)), dim=1)
        n_cap = caption.shape[1]
        grid = torch.zeros(rows * cols + pad, 3, dtype=torch.int64, device=dev)
        grid[: rows * cols, 0] = n_cap + 1
        grid[: rows * cols, 1] = torch.arange(rows, device=dev).repeat_interleave(cols)
        grid[: rows * cols, 2] = torch.arange(cols, device=dev).repeat(rows)
        line = torch.zeros(n_cap, 3, dtype=torch.int64, device=dev)
        line[:, 0] = torch.arange(1, n_cap + 1, device=dev)
        x_turn, y_turn = self._turn(grid), self._turn(line)

        for block in self.noise_refiner:
            x = block(x, x_turn, temb)
        y = self.cap_embedder(caption)
        y = torch.where(real[..., None], y, self.cap_pad_token)
        for block in self.context_refiner:
            y = block(y, y_turn, None)
        x, turn = torch.cat((x, y), dim=1), torch.cat((x_turn, y_turn))
        for block in self.layers:
            x = block(x, turn, temb)
        x = self.all_final_layer[key](x[:, : rows * cols], temb)
        return x.view(b, rows, cols, p, p, c).permute(0, 5, 1, 3, 2, 4).reshape(b, c, h, w)
