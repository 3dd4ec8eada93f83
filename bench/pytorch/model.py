"""GPT-2 and Llama weights for the scripts beside this file: random ones of a named shape, or a Hugging Face directory."""
import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Shape:
    layers: int
    width: int
    heads: int
    kv_heads: int
    head_dim: int
    mlp_width: int
    vocabulary: int
    context: int
    tied: bool = True
    theta: float | None = None  # base of the rotary embedding; None: GPT-2 with learned positions
    epsilon: float = 1e-5

    @property
    def is_llama(self) -> bool:
        return self.theta is not None


@dataclass(frozen=True)
class Linear:
    weight: Tensor  # [out, in]
    bias: Tensor | None = None

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)


@dataclass(frozen=True)
class Norm:
    """LayerNorm, or RMSNorm where there is no shift."""
    epsilon: float
    scale: Tensor
    shift: Tensor | None = None

    def __call__(self, x: Tensor) -> Tensor:
        if self.shift is not None:
            return F.layer_norm(x, self.scale.shape, self.scale, self.shift, self.epsilon)
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.epsilon) * self.scale


@dataclass(frozen=True)
class Layer:
    attention_norm: Norm
    qkv: Linear  # rows: the queries of every head, the keys, the values
    out: Linear
    mlp_norm: Norm
    up: Linear  # SwiGLU: the gate's rows, then the others
    down: Linear

    def mlp(self, x: Tensor) -> Tensor:
        hidden = self.up(self.mlp_norm(x))
        if self.up.bias is not None:
            return self.down(F.gelu(hidden, approximate='tanh'))
        gate, value = hidden.chunk(2, -1)
        return self.down(F.silu(gate) * value)


@dataclass(frozen=True)
class Model:
    shape: Shape
    embedding: Tensor
    positions: Tensor | None
    layers: list[Layer]
    final_norm: Norm
    unembedding: Linear

    def enter(self, embeddings: Tensor) -> Tensor:
        """The residual stream before the first layer."""
        return embeddings if self.positions is None else embeddings + self.positions[:embeddings.shape[1]]

    def rotate(self, x: Tensor) -> Tensor:
        """Queries or keys [..., T, head_dim] turned by their position, where the model does so."""
        if self.shape.theta is None:
            return x
        half = x.shape[-1] // 2
        frequency = self.shape.theta ** (-torch.arange(half, dtype=torch.float64) / half)
        angle = torch.arange(x.shape[-2], dtype=torch.float64)[:, None] * frequency
        cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
        first, second = x[..., :half], x[..., half:]
        return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention over the last two axes [T, head_dim]."""
    if hasattr(F, 'scaled_dot_product_attention'):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    future = torch.ones(q.shape[-2], q.shape[-2], dtype=torch.bool).triu(1)
    scores = (q / math.sqrt(q.shape[-1])) @ k.transpose(-1, -2)
    return scores.masked_fill(future, -math.inf).softmax(-1) @ v


def gpt2(layers: int, width: int, heads: int) -> Shape:
    return Shape(layers, width, heads, heads, width // heads, 4 * width, 50257, 1024)


def stories(layers: int, width: int, heads: int, kv_heads: int, mlp_width: int, vocabulary: int, context: int) -> Shape:
    return Shape(layers, width, heads, kv_heads, width // heads, mlp_width, vocabulary, context, theta=10000)


SHAPES = {
    'gpt2': gpt2(12, 768, 12),
    'gpt2-medium': gpt2(24, 1024, 16),
    'gpt2-large': gpt2(36, 1280, 20),
    'gpt2-xl': gpt2(48, 1600, 25),
    'llama-1b': Shape(16, 2048, 32, 8, 64, 8192, 128256, 131072, theta=500000),
    'llama-3b': Shape(28, 3072, 24, 8, 128, 8192, 128256, 131072, theta=500000),
    'llama-8b': Shape(32, 4096, 32, 8, 128, 14336, 128256, 131072, theta=500000, tied=False),
    'stories260k': stories(5, 64, 8, 4, 172, 512, 512),
    'stories15m': stories(6, 288, 6, 6, 768, 32000, 256),
    'stories42m': stories(8, 512, 8, 8, 1376, 32000, 1024),
    'stories110m': stories(12, 768, 12, 12, 2048, 32000, 1024),
}


def random_model(shape: Shape) -> Model:
    """Weights of mean 0 and standard deviation 0.018, norms of scale 1; the same in every run."""
    generator = torch.Generator(torch.empty(0).device).manual_seed(0)

    def random(*size: int) -> Tensor:
        return torch.randn(*size, generator=generator).mul_(0.018)

    def linear(outputs: int, inputs: int) -> Linear:
        return Linear(random(outputs, inputs), None if shape.is_llama else random(outputs))

    def norm() -> Norm:
        return Norm(shape.epsilon, torch.ones(shape.width), None if shape.is_llama else torch.zeros(shape.width))

    embedding = random(shape.vocabulary, shape.width)
    q_width, kv_width = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    layers = [Layer(norm(), linear(q_width + 2 * kv_width, shape.width), linear(shape.width, q_width),
                    norm(), linear((2 if shape.is_llama else 1) * shape.mlp_width, shape.width),
                    linear(shape.width, shape.mlp_width))
              for _ in range(shape.layers)]
    return Model(shape, embedding, None if shape.is_llama else random(shape.context, shape.width), layers, norm(),
                 Linear(embedding if shape.tied else random(shape.vocabulary, shape.width)))


def load_model(directory: Path, dtype: torch.dtype = torch.float32) -> Model:
    """A GPT-2 or Llama checkpoint in Hugging Face layout: config.json and model*.safetensors."""
    config = json.loads((directory / 'config.json').read_text())
    files = sorted(directory.glob('model*.safetensors'))
    if not files:
        raise SystemExit(f'{directory}: no model.safetensors')
    tensors: dict[str, Tensor] = {}
    for file in files:
        tensors |= {name.removeprefix('transformer.').removeprefix('model.'): tensor.to(dtype)
                    for name, tensor in read_safetensors(file).items()}
    match config['model_type']:
        case 'gpt2':
            return gpt2_model(config, tensors)
        case 'llama':
            return llama_model(config, tensors)
        case other:
            raise SystemExit(f'{directory}/config.json: model_type {other!r} is neither gpt2 nor llama')


def read_safetensors(file: Path) -> dict[str, Tensor]:
    """Eight bytes of header length, a JSON header, then the tensors' bytes."""
    types = {'F64': torch.float64, 'F32': torch.float32, 'F16': torch.float16, 'BF16': torch.bfloat16}
    data = bytearray(file.read_bytes())
    start = 8 + struct.unpack_from('<Q', data)[0]
    header = json.loads(data[8:start])
    tensors = {}
    for name, entry in header.items():
        if name == '__metadata__' or entry['dtype'] not in types:  # GPT-2 files of old keep their causal masks
            continue
        begin, _ = entry['data_offsets']
        count = math.prod(entry['shape'])
        tensors[name] = torch.frombuffer(data, dtype=types[entry['dtype']], count=count,
                                         offset=start + begin).view(entry['shape'])
    return tensors


def require(config: dict, key: str, *supported: object) -> None:
    """What these models don't compute is refused, not left out."""
    if key in config and config[key] not in supported:
        raise SystemExit(f'config.json: {key} {config[key]!r} is not supported')


def gpt2_model(config: dict, tensors: dict[str, Tensor]) -> Model:
    require(config, 'activation_function', 'gelu_new')
    require(config, 'scale_attn_weights', True)
    require(config, 'scale_attn_by_inverse_layer_idx', False)
    width, heads = config['n_embd'], config['n_head']
    shape = Shape(config['n_layer'], width, heads, heads, width // heads, config.get('n_inner') or 4 * width,
                  config['vocab_size'], config['n_positions'], epsilon=config['layer_norm_epsilon'])

    def norm(name: str) -> Norm:
        return Norm(shape.epsilon, tensors[name + '.weight'], tensors[name + '.bias'])

    def linear(name: str) -> Linear:  # GPT-2 keeps its matrices as [in, out]
        return Linear(tensors[name + '.weight'].t(), tensors[name + '.bias'])

    layers = [Layer(norm(f'h.{l}.ln_1'), linear(f'h.{l}.attn.c_attn'), linear(f'h.{l}.attn.c_proj'),
                    norm(f'h.{l}.ln_2'), linear(f'h.{l}.mlp.c_fc'), linear(f'h.{l}.mlp.c_proj'))
              for l in range(shape.layers)]
    return Model(shape, tensors['wte.weight'], tensors['wpe.weight'], layers, norm('ln_f'),
                 Linear(tensors.get('lm_head.weight', tensors['wte.weight'])))


def llama_model(config: dict, tensors: dict[str, Tensor]) -> Model:
    require(config, 'hidden_act', 'silu')
    require(config, 'rope_scaling', None)
    require(config, 'attention_bias', False)
    require(config, 'mlp_bias', False)
    width, heads = config['hidden_size'], config['num_attention_heads']
    shape = Shape(config['num_hidden_layers'], width, heads, config.get('num_key_value_heads', heads),
                  config.get('head_dim') or width // heads, config['intermediate_size'], config['vocab_size'],
                  config['max_position_embeddings'], theta=config.get('rope_theta', 10000.0),
                  epsilon=config['rms_norm_eps'])

    def norm(name: str) -> Norm:
        return Norm(shape.epsilon, tensors[name + '.weight'])

    def linear(*names: str) -> Linear:
        return Linear(torch.cat([tensors[name + '_proj.weight'] for name in names]))

    def layer(l: int) -> Layer:
        attn, mlp = f'layers.{l}.self_attn.', f'layers.{l}.mlp.'
        return Layer(norm(f'layers.{l}.input_layernorm'), linear(attn + 'q', attn + 'k', attn + 'v'), linear(attn + 'o'),
                     norm(f'layers.{l}.post_attention_layernorm'), linear(mlp + 'gate', mlp + 'up'), linear(mlp + 'down'))

    return Model(shape, tensors['embed_tokens.weight'], None, [layer(l) for l in range(shape.layers)], norm('norm'),
                 Linear(tensors.get('lm_head.weight', tensors['embed_tokens.weight'])))
