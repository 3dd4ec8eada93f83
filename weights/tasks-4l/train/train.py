"""Trains tokenizer and model from nothing:
    python3 train.py corpus.tsv [folder to write, default the model's own]

Each step takes a fixed mix of the tasks. After the last word of a prompt the model is taught to spread its probability evenly over the
right continuations (cross-entropy with that distribution, which is what sampling one answer at a time comes to on average); at a random
part of the other positions it is taught the next word.
"""
import math
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

import model
from evaluate import evaluate, read, show
from tokenizer import Tokenizer, learn, write

STEPS = 3000
WARM_UP = 150
PEAK_RATE = 2e-3
# Prompts of a step. Indirect objects take longest to learn: the rule is of places in the prompt, not of words.
MIX = {"ioi": 84, "greater-than": 36, "sva": 24, "gendered-pronoun": 18, "capital-country": 15, "hypernymy": 15}
CORRUPTED_SHARE = 1 / 3
TEXT_SHARE, TEXT_WEIGHT = 0.2, 0.3
WEIGHT_DECAY = 0.05
# A step is computed in parts of similar length, so that short prompts are not padded to the longest.
PARTS = 3


def main():
    corpus, folder = sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent.parent
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    torch.set_num_threads(1)
    rng = np.random.default_rng(1)

    train, held_out = list(read(corpus, "Train")), list(read(corpus, "HeldOut"))
    tokenizer = Tokenizer(learn(texts(train + held_out)))
    tokenizer.save(folder)
    config = {**model.CONFIG, "vocab_size": tokenizer.size, "bos_token_id": tokenizer.end_of_text, "eos_token_id": tokenizer.end_of_text}
    write(folder / "config.json", config)

    # Prompts as ids by task and side; the many equal answer lists are kept once.
    lists, numbers = [], {}

    def number(words):
        key = "|".join(words)
        if key not in numbers:
            numbers[key] = len(lists)
            lists.append([tokenizer.token(word) for word in words])
        return numbers[key]

    data = defaultdict(lambda: ([], []))
    for task, clean, corrupted, answers, _, continuations in train:
        for side, text, words in ((0, clean, answers), (1, corrupted, continuations)):
            data[task][side].append(([tokenizer.end_of_text] + tokenizer.encode(text), number(words)))
    del train
    weights = model.initial(config)
    for value in weights.values():
        value.requires_grad_(True)
    print(f"{tokenizer.size} tokens, {sum(value.numel() for value in weights.values())} weights", flush=True)

    matrices = [value for value in weights.values() if value.dim() == 2]
    vectors = [value for value in weights.values() if value.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": WEIGHT_DECAY}, {"params": vectors, "weight_decay": 0.0}],
                                  betas=(0.9, 0.98))
    total = sum(MIX.values())
    sums = np.zeros(2)
    began = time.time()
    for step in range(STEPS):
        rate = PEAK_RATE * min((step + 1) / WARM_UP, 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / STEPS)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = []
        for task, count in MIX.items():
            for _ in range(count):
                prompts = data[task][int(rng.random() < CORRUPTED_SHARE)]
                batch.append(prompts[rng.integers(len(prompts))])
        batch.sort(key=lambda prompt: len(prompt[0]))
        optimizer.zero_grad(set_to_none=True)
        for part in range(PARTS):
            losses = part_loss(weights, config, batch[total * part // PARTS:total * (part + 1) // PARTS], lists, rng, total)
            (losses[0] + TEXT_WEIGHT * losses[1]).backward()
            sums += [float(loss) for loss in losses]
        torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
        optimizer.step()
        if (step + 1) % 50 == 0:
            print(f"step {step + 1}  answer {sums[0] / 50:.4f}  text {sums[1] / 50:.4f}  {time.time() - began:.0f} s", flush=True)
            sums[:] = 0
        if (step + 1) % 500 == 0 or step + 1 == STEPS:
            model.save(weights, folder / "model.safetensors")
            # Every fifth prompt is enough to watch; the last table is of all of them.
            rows = held_out if step + 1 == STEPS else held_out[::5]
            show(evaluate(model.load(folder / "model.safetensors"), config, tokenizer, rows))


def texts(rows):
    """Every text of the corpus: prompts, answers, distractors and continuations."""
    for _, clean, corrupted, *lists in rows:
        yield clean
        yield corrupted
        for words in lists:
            yield from words


def part_loss(weights, config, batch, lists, rng, total):
    """Loss at the answers and loss at sampled other positions, both as shares of the whole step's mean."""
    lengths = np.array([len(ids) for ids, _ in batch])
    longest = lengths.max()
    ids = np.zeros((len(batch), longest), dtype=np.int64)
    for row, (prompt, _) in enumerate(batch):
        ids[row, :len(prompt)] = prompt
    # Padding is on the right, where no earlier position can see it.
    stream = model.final_stream(weights, config, torch.from_numpy(ids))
    unembed = weights["transformer.wte.weight"].T

    end = torch.from_numpy(lengths - 1)
    answer = (stream[torch.arange(len(batch)), end] @ unembed).log_softmax(1)
    rows = np.concatenate([np.full(len(lists[a]), row) for row, (_, a) in enumerate(batch)])
    columns = np.concatenate([lists[a] for _, a in batch])
    shares = np.concatenate([np.full(len(lists[a]), 1 / len(lists[a]), dtype=np.float32) for _, a in batch])
    answer_loss = -(answer[torch.from_numpy(rows), torch.from_numpy(columns)] * torch.from_numpy(shares)).sum() / total

    inside = (np.arange(longest) < lengths[:, None] - 1) & (rng.random(ids.shape) < TEXT_SHARE)
    row, column = np.nonzero(inside)
    text = (stream[torch.from_numpy(row), torch.from_numpy(column)] @ unembed).log_softmax(1)
    text_loss = -text[torch.arange(len(row)), torch.from_numpy(ids[row, column + 1])].sum() / max(len(row), 1) * len(batch) / total
    return answer_loss, text_loss


if __name__ == "__main__":
    main()
