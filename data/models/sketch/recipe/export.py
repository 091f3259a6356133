# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes and reads the folder layout of diffusers pipelines."""

import json
from pathlib import Path

import torch
from torch import nn

from files import load_safetensors, save_safetensors, write_whole
from models import Denoiser, DenoiserShape, Text, TextShape, Vae, VaeShape
from sampling import Pipeline
from tokens import Tokenizer

STORED = torch.float16


def _put(path: Path, data: dict) -> None:
    write_whole(path, (json.dumps(data, indent=2) + "\n").encode())


def save(p: Pipeline, folder: Path) -> int:
    """-> bytes of weights"""
    v, t, d = p.vae.shape, p.text.s, p.denoiser.s
    p.tokenizer.save(folder / "tokenizer")
    _put(folder / "scheduler/scheduler_config.json", {
        "_class_name": "FlowMatchEulerDiscreteScheduler", "base_image_seq_len": 256, "base_shift": 0.5,
        "invert_sigmas": False, "max_image_seq_len": 4096, "max_shift": 1.15, "num_train_timesteps": 1000,
        "shift": p.schedule_shift, "shift_terminal": None, "stochastic_sampling": False,
        "time_shift_type": "exponential", "use_beta_sigmas": False, "use_dynamic_shifting": False,
        "use_exponential_sigmas": False, "use_karras_sigmas": False})  # fmt: skip
    _put(folder / "vae/config.json", {
        "_class_name": "AutoencoderKL", "act_fn": "silu", "block_out_channels": list(v.channels),
        "down_block_types": ["DownEncoderBlock2D"] * len(v.channels), "force_upcast": False, "in_channels": 3,
        "latent_channels": v.latent, "latents_mean": None, "latents_std": None, "layers_per_block": v.layers,
        "mid_block_add_attention": True, "norm_num_groups": v.groups, "out_channels": 3, "sample_size": p.size,
        "scaling_factor": p.scale, "shift_factor": p.shift, "up_block_types": ["UpDecoderBlock2D"] * len(v.channels),
        "use_post_quant_conv": False, "use_quant_conv": False})  # fmt: skip
    _put(folder / "text_encoder/config.json", {
        "architectures": ["Qwen3ForCausalLM"], "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": None,
        "eos_token_id": p.tokenizer.added["<|im_end|>"], "head_dim": t.head, "hidden_act": "silu",
        "hidden_size": t.width, "initializer_range": 0.02, "intermediate_size": t.inner, "max_position_embeddings": 512,
        "max_window_layers": t.layers, "model_type": "qwen3", "num_attention_heads": t.heads,
        "num_hidden_layers": t.layers, "num_key_value_heads": t.kv_heads,
        "pad_token_id": p.tokenizer.added["<|endoftext|>"], "rms_norm_eps": t.eps, "rope_scaling": None,
        "rope_theta": t.theta, "sliding_window": None, "tie_word_embeddings": True, "torch_dtype": "float16",
        "use_cache": True, "use_sliding_window": False, "vocab_size": t.vocab})  # fmt: skip
    _put(folder / "transformer/config.json", {
        "_class_name": "ZImageTransformer2DModel", "all_f_patch_size": [1], "all_patch_size": [d.patch],
        "axes_dims": list(d.axes), "axes_lens": list(d.lengths), "cap_feat_dim": d.features, "dim": d.width,
        "in_channels": d.channels, "n_heads": d.heads, "n_kv_heads": d.heads, "n_layers": d.layers,
        "n_refiner_layers": d.refiners, "norm_eps": d.eps, "qk_norm": True, "rope_theta": d.theta,
        "siglip_feat_dim": None, "t_scale": d.t_scale})  # fmt: skip
    size = 0
    for module, where in ((p.text, "text_encoder/model"), (p.denoiser, "transformer/diffusion_pytorch_model"),
                          (p.vae, "vae/diffusion_pytorch_model")):  # fmt: skip
        tensors = {k: w.detach() for k, w in module.state_dict().items()}
        size += save_safetensors(folder / f"{where}.safetensors", tensors, STORED)
    _put(folder / "model_index.json", {
        "_class_name": "ZImagePipeline", "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["transformers", "Qwen3ForCausalLM"], "tokenizer": ["transformers", "Qwen2Tokenizer"],
        "transformer": ["diffusers", "ZImageTransformer2DModel"], "vae": ["diffusers", "AutoencoderKL"],
        "pentimento": {"name": "Sketch", "width": p.size, "height": p.size, "steps": p.steps,
                       "guidance_scale": p.guidance}})  # fmt: skip
    return size


def load(folder: Path, device: str = "cpu", own: dict | None = None) -> Pipeline:
    """own: what the index says of size, steps and guidance, where it does not"""

    def config(name: str) -> dict:
        return json.loads((folder / name).read_text())

    def filled(module: nn.Module, name: str) -> nn.Module:
        module.load_state_dict(load_safetensors(folder / name))
        return module.to(device).eval()

    v, t, d = (config(f"{n}/config.json") for n in ("vae", "text_encoder", "transformer"))
    own = own or config("model_index.json")["pentimento"]
    vae = Vae(VaeShape(tuple(v["block_out_channels"]), v["latent_channels"], v["layers_per_block"],
                       v["norm_num_groups"]))  # fmt: skip
    text = Text(TextShape(t["vocab_size"], t["hidden_size"], t["intermediate_size"], t["num_hidden_layers"],
                          t["num_attention_heads"], t["num_key_value_heads"], t["head_dim"], t["rope_theta"],
                          t["rms_norm_eps"]))  # fmt: skip
    denoiser = Denoiser(DenoiserShape(d["in_channels"], d["all_patch_size"][0], d["dim"], d["n_layers"],
                                      d["n_refiner_layers"], d["n_heads"], d["cap_feat_dim"], tuple(d["axes_dims"]),
                                      tuple(d["axes_lens"]), d["rope_theta"], d["t_scale"], d["norm_eps"]))  # fmt: skip
    return Pipeline(
        Tokenizer.load(folder / "tokenizer"), filled(text, "text_encoder/model.safetensors"),
        filled(denoiser, "transformer/diffusion_pytorch_model.safetensors"),
        filled(vae, "vae/diffusion_pytorch_model.safetensors"), v["scaling_factor"], v["shift_factor"],
        config("scheduler/scheduler_config.json")["shift"], own["width"], own["steps"], own["guidance_scale"],
    )  # fmt: skip
