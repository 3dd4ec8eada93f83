"""Writes a small random Llama in bfloat16, as the Hugging Face layout has it, and prompts of token ids: for checks of a GPU, which need no other
than random numbers. The same files every time. Needs nothing but Python."""
import json
import random
import struct
import sys
from pathlib import Path

WIDTH, HEADS, KEY_HEADS, HIDDEN, LAYERS, VOCABULARY, CONTEXT = 256, 4, 2, 704, 4, 1000, 64
HEAD = WIDTH // HEADS
PROMPTS, TOKENS = 20, 16


def matrix(rows: int, columns: int, generator: random.Random) -> bytes:
    """Normal numbers of standard deviation 1/√columns: the upper halves of float32."""
    deviation = columns ** -0.5
    return b"".join(struct.pack("<f", generator.gauss(0, deviation))[2:] for _ in range(rows * columns))


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    generator = random.Random(1)
    shapes = {"model.embed_tokens.weight": (VOCABULARY, WIDTH), "model.norm.weight": (WIDTH,), "lm_head.weight": (VOCABULARY, WIDTH)}
    for layer in range(LAYERS):
        for name, rows, columns in [("self_attn.q_proj", WIDTH, WIDTH), ("self_attn.k_proj", KEY_HEADS * HEAD, WIDTH), ("self_attn.v_proj", KEY_HEADS * HEAD, WIDTH),
                                    ("self_attn.o_proj", WIDTH, WIDTH), ("mlp.gate_proj", HIDDEN, WIDTH), ("mlp.up_proj", HIDDEN, WIDTH), ("mlp.down_proj", WIDTH, HIDDEN)]:
            shapes[f"model.layers.{layer}.{name}.weight"] = (rows, columns)
        for name in ("input_layernorm", "post_attention_layernorm"):
            shapes[f"model.layers.{layer}.{name}.weight"] = (WIDTH,)
    header, data = {}, []
    start = 0
    for name, shape in shapes.items():
        # Norms are 1.
        values = matrix(*shape, generator) if len(shape) == 2 else b"\x80\x3f" * shape[0]
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [start, start + len(values)]}
        start += len(values)
        data.append(values)
    head = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + b"".join(data))
    (folder / "config.json").write_text(json.dumps({
        "model_type": "llama", "hidden_act": "silu", "hidden_size": WIDTH, "intermediate_size": HIDDEN, "num_attention_heads": HEADS, "num_key_value_heads": KEY_HEADS,
        "num_hidden_layers": LAYERS, "max_position_embeddings": CONTEXT, "vocab_size": VOCABULARY, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": False,
        "bos_token_id": 0, "eos_token_id": 0}))
    with (folder / "data.jsonl").open("w") as lines:
        for _ in range(PROMPTS):
            clean = [generator.randrange(VOCABULARY) for _ in range(TOKENS)]
            corrupted = list(clean)
            place = generator.randrange(TOKENS)
            corrupted[place] = (clean[place] + 1 + generator.randrange(VOCABULARY - 1)) % VOCABULARY
            answer = generator.randrange(VOCABULARY)
            lines.write(json.dumps({"clean": clean, "corrupted": corrupted, "answers": [answer], "distractors": [(answer + 1) % VOCABULARY]}) + "\n")


if __name__ == "__main__":
    main()
