"""Accuracy on the held-out prompts of a corpus:
    python3 evaluate.py corpus.tsv [folder of the model]

A prompt counts as right when the most likely of answers and distractors is an answer; for greater-than, also, when the years above the
start have more probability than the others. 'answer first' asks more: the most likely of all tokens is an answer.
"""
import json
import sys
from collections import defaultdict
from pathlib import Path

import torch

import model
from tokenizer import Tokenizer


def read(path, split):
    """(task, clean, corrupted, answers, distractors, continuations of corrupted) of a split."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            task, part, clean, corrupted, *lists = line.rstrip("\n").split("\t")
            if part == split:
                yield task, clean, corrupted, *(field.split("|") for field in lists)


def last_logits(weights, config, prompts):
    """Logits at the last position of each list of ids, in batches of one length."""
    by_length = defaultdict(list)
    for i, ids in enumerate(prompts):
        by_length[len(ids)].append(i)
    out = torch.empty(len(prompts), config["vocab_size"])
    for indices in by_length.values():
        for first in range(0, len(indices), 256):
            part = indices[first:first + 256]
            stream = model.final_stream(weights, config, torch.tensor([prompts[i] for i in part]))
            out[part] = stream[:, -1] @ weights["transformer.wte.weight"].T
    return out


@torch.no_grad()
def evaluate(weights, config, tokenizer, rows):
    """Per task: right on clean, answer first on clean, logit difference on clean; 'right' and logit difference on corrupted; prompts."""
    by_task = defaultdict(list)
    for row in rows:
        by_task[row[0]].append(row)
    start = [tokenizer.end_of_text]
    table = {}
    for task, rows in by_task.items():
        sides = []
        for side in (1, 2):
            logits = last_logits(weights, config, [start + tokenizer.encode(row[side]) for row in rows])
            right = first = 0
            difference = 0.0
            for row, z in zip(rows, logits):
                answers, distractors = ([tokenizer.token(text) for text in row[field]] for field in (3, 4))
                good = z[answers].max() > z[distractors].max()
                if task == "greater-than":
                    good = good and z[answers].logsumexp(0) > z[distractors].logsumexp(0)
                right += bool(good)
                first += int(z.argmax()) in answers
                difference += float(z[answers].mean() - z[distractors].mean())
            sides += [right / len(rows), first / len(rows), difference / len(rows)]
        table[task] = (*sides[:3], sides[3], sides[5], len(rows))
    return table


def show(table):
    print("task              clean: right  answer first  logit diff | corrupted: answer preferred  logit diff | prompts")
    for task, (right, first, difference, preferred, corrupted, count) in table.items():
        print(f"{task:17} {right:12.1%} {first:13.1%} {difference:11.2f} | {preferred:27.1%} {corrupted:11.2f} | {count:7}", flush=True)


if __name__ == "__main__":
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent.parent
    show(evaluate(model.load(folder / "model.safetensors"), json.loads((folder / "config.json").read_text()), Tokenizer.load(folder),
                  list(read(sys.argv[1], "HeldOut"))))
