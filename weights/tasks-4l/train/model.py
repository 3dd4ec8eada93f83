"""GPT-2 in plain PyTorch, and its weights as safetensors with the names of Hugging Face's GPT2LMHeadModel."""
import json
import math
import struct

import torch
import torch.nn.functional as F

CONFIG = {
    "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "activation_function": "gelu_new", "n_layer": 4, "n_head": 8,
    "n_embd": 128, "n_inner": 512, "n_positions": 64, "n_ctx": 64, "layer_norm_epsilon": 1e-5, "attn_pdrop": 0.0, "embd_pdrop": 0.0,
    "resid_pdrop": 0.0, "initializer_range": 0.02, "scale_attn_weights": True, "tie_word_embeddings": True, "torch_dtype": "bfloat16",
}


def initial(config):
    """Random weights as GPT-2 has them: projections into the residual stream are smaller with depth."""
    width, inner = config["n_embd"], config["n_inner"]
    normal = lambda *shape, scale=1.0: torch.randn(*shape) * config["initializer_range"] * scale
    residual = 1 / math.sqrt(2 * config["n_layer"])
    weights = {"wte.weight": normal(config["vocab_size"], width), "wpe.weight": normal(config["n_positions"], width)}
    for layer in range(config["n_layer"]):
        at = f"h.{layer}."
        weights[at + "ln_1.weight"], weights[at + "ln_1.bias"] = torch.ones(width), torch.zeros(width)
        weights[at + "attn.c_attn.weight"], weights[at + "attn.c_attn.bias"] = normal(width, 3 * width), torch.zeros(3 * width)
        weights[at + "attn.c_proj.weight"], weights[at + "attn.c_proj.bias"] = normal(width, width, scale=residual), torch.zeros(width)
        weights[at + "ln_2.weight"], weights[at + "ln_2.bias"] = torch.ones(width), torch.zeros(width)
        weights[at + "mlp.c_fc.weight"], weights[at + "mlp.c_fc.bias"] = normal(width, inner), torch.zeros(inner)
        weights[at + "mlp.c_proj.weight"], weights[at + "mlp.c_proj.bias"] = normal(inner, width, scale=residual), torch.zeros(width)
    weights["ln_f.weight"], weights["ln_f.bias"] = torch.ones(width), torch.zeros(width)
    return {"transformer." + name: value for name, value in weights.items()}


def final_stream(weights, config, ids):
    """The normed residual stream after the last layer, [B, T, d_model]; logits are its product with the token embeddings."""
    w = lambda name: weights["transformer." + name]
    heads, width = config["n_head"], config["n_embd"]
    batch, length = ids.shape
    future = torch.full((length, length), float("-inf")).triu(1)
    norm = lambda x, name: F.layer_norm(x, (width,), w(name + ".weight"), w(name + ".bias"), config["layer_norm_epsilon"])
    linear = lambda x, name: torch.addmm(w(name + ".bias"), x.reshape(-1, x.shape[-1]), w(name + ".weight")).view(batch, length, -1)
    split = lambda x: x.view(batch, length, heads, width // heads).transpose(1, 2)

    x = F.embedding(ids, w("wte.weight")) + w("wpe.weight")[:length]
    for layer in range(config["n_layer"]):
        at = f"h.{layer}."
        q, k, v = map(split, linear(norm(x, at + "ln_1"), at + "attn.c_attn").split(width, dim=2))
        pattern = (q @ k.transpose(2, 3) / math.sqrt(width // heads) + future).softmax(3)
        mixed = (pattern @ v).transpose(1, 2).reshape(batch, length, width)
        x = x + linear(mixed, at + "attn.c_proj")
        hidden = F.gelu(linear(norm(x, at + "ln_2"), at + "mlp.c_fc"), approximate="tanh")
        x = x + linear(hidden, at + "mlp.c_proj")
    return norm(x, "ln_f")


def save(weights, path):
    """safetensors, bfloat16: eight bytes of header length, the header in JSON, the tensors in a row."""
    header, blobs, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name, value in weights.items():
        blob = value.detach().to(torch.bfloat16).contiguous().view(torch.int16).numpy().astype("<i2").tobytes()
        header[name] = {"dtype": "BF16", "shape": list(value.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def load(path):
    """What save wrote, as float32."""
    data = path.read_bytes()
    length, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    weights = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        first, last = (8 + length + offset for offset in entry["data_offsets"])
        raw = torch.frombuffer(bytearray(data[first:last]), dtype=torch.bfloat16)
        weights[name] = raw.view(entry["shape"]).float()
    return weights
