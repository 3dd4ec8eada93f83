"""Edge attribution patching written out: every score of every edge, by hooks on a separate copy of the residual stream for the
query, key and value input of every head. With --shape it is timed on random weights; with --model and --data it scores a
Hugging Face directory and writes the scores.

    score(u, v) = mean over examples of the sum over positions of (z_u(corrupted) - z_u(clean)) . dL/dx_v

z_u is what u adds to the residual stream, x_v the stream as v reads it, L the loss on the last position's logits. The gradient
is the mean over runs whose embeddings lie between the corrupted (0) and the clean (1) ones:
eap: 1 (Syed et al. 2023); eap-ig: k/m for k = 0 ... m-1 (Hanna et al. 2024); clean-corrupted: 0 and 1."""
import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import measure
import torch
from model import Layer, Model, attention, load_model, random_model
from torch import Tensor

Tap = Callable[[Tensor, int], None]  # gets the input of some destinations, and how many sources they read
Loss = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Batch:
    """Prompts of one length. weights [B, vocabulary]: positive on answers, negative on distractors, each 1 over their number."""
    clean: Tensor
    corrupted: Tensor
    weights: Tensor


class SplitLayer:
    """The matrices of a layer by head. Keys and values that heads share are repeated: the graph stays ungrouped."""

    def __init__(self, model: Model, layer: Layer):
        shape = model.shape
        widths = [heads * shape.head_dim for heads in (shape.heads, shape.kv_heads, shape.kv_heads)]

        def by_head(rows: Tensor) -> Tensor:
            parts = [part.reshape(-1, shape.head_dim, *rows.shape[1:]) for part in rows.split(widths)]
            return torch.cat([part.repeat_interleave(shape.heads // part.shape[0], 0) for part in parts])

        self.norm, self.mlp = layer.attention_norm, layer.mlp
        self.qkv = by_head(layer.qkv.weight).transpose(1, 2)                                       # [3H, d, head_dim]
        self.qkv_bias = 0 if layer.qkv.bias is None else by_head(layer.qkv.bias).unsqueeze(1)       # [3H, 1, head_dim]
        self.out = layer.out.weight.t().reshape(shape.heads, shape.head_dim, shape.width)
        self.out_bias = 0 if layer.out.bias is None else layer.out.bias

    def head_outputs(self, model: Model, inputs: Tensor) -> Tensor:
        """What each head adds to the residual stream [H, B, T, d], from the inputs of q, k and v of all heads [3H, B, T, d]."""
        qkv = self.norm(inputs).flatten(1, 2) @ self.qkv + self.qkv_bias
        q, k, v = qkv.view(*inputs.shape[:3], -1).chunk(3)
        z = attention(model.rotate(q), model.rotate(k), v)
        return (z.flatten(1, 2) @ self.out).view(-1, *inputs.shape[1:])


def run(model: Model, layers: list[SplitLayer], embeddings: Tensor, tap: Tap | None = None) -> tuple[Tensor, list[Tensor]]:
    """The last position's logits, and the outputs of all sources in their order: input, then each layer's heads and MLP."""

    def tapped(inputs: Tensor) -> Tensor:
        if tap:
            tap(inputs, sum(len(output) for output in outputs))
        return inputs

    outputs = [embeddings.unsqueeze(0)]
    x = model.enter(embeddings)
    for layer in layers:
        heads = layer.head_outputs(model, tapped(x.expand(3 * model.shape.heads, *x.shape)))
        x = x + heads.sum(0) + layer.out_bias
        outputs.append(heads)
        mlp = layer.mlp(tapped(x.unsqueeze(0)))
        x = x + mlp.squeeze(0)
        outputs.append(mlp)
    return model.unembedding(model.final_norm(tapped(x.unsqueeze(0))[0, :, -1])), outputs


def loss(metric: str, weights: Tensor, clean_logits: Tensor) -> Loss:
    """The function of the logits that is summed over the examples: minus the metric, or the divergence from the clean run."""
    if metric == 'kl':
        reference = clean_logits.log_softmax(-1)
        return lambda logits: (reference.exp() * (reference - logits.log_softmax(-1))).mean(-1).sum()
    if metric == 'prob-diff':
        return lambda logits: -(weights.sign() * logits.softmax(-1)).sum()
    return lambda logits: -(weights * logits).sum()


def points(method: str, steps: int) -> list[float]:
    return {'eap': [1.0], 'eap-ig': [k / steps for k in range(steps)], 'clean-corrupted': [0.0, 1.0]}[method]


def batch_scores(model: Model, layers: list[SplitLayer], batch: Batch, metric: str, alphas: list[float]) -> Tensor:
    """Scores [sources, destinations], summed over the examples. Destinations: each layer's q, k and v of all heads and its MLP,
    then the logits."""
    clean, corrupted = model.embedding[batch.clean], model.embedding[batch.corrupted]
    with torch.no_grad():
        clean_logits, clean_outputs = run(model, layers, clean)
        corrupted_outputs = run(model, layers, corrupted)[1]
        difference = (torch.cat(corrupted_outputs) - torch.cat(clean_outputs)).flatten(1)           # [sources, B T d]
    objective = loss(metric, batch.weights, clean_logits)
    scores = torch.zeros(len(difference), column_count(model), dtype=difference.dtype)

    def tap_scores() -> Tap:
        columns = iter(column_starts(model))

        def tap(inputs: Tensor, sources: int) -> None:
            start = next(columns)

            def add(gradient: Tensor) -> None:
                scores[:sources, start:start + len(gradient)] += difference[:sources] @ gradient.flatten(1).t()

            inputs.register_hook(add)

        return tap

    for alpha in alphas:
        embeddings = torch.lerp(corrupted, clean, alpha).requires_grad_()
        objective(run(model, layers, embeddings, tap_scores())[0]).backward()
    return scores / len(alphas)


def column_starts(model: Model) -> list[int]:
    per_layer = 3 * model.shape.heads + 1
    starts = [l * per_layer + offset for l in range(model.shape.layers) for offset in (0, per_layer - 1)]
    return [*starts, model.shape.layers * per_layer]


def column_count(model: Model) -> int:
    return column_starts(model)[-1] + 1


def edges(model: Model) -> Iterator[tuple[str, int, int]]:
    """Name, row and column of every edge."""
    heads = range(model.shape.heads)
    sources, column = ['input'], 0
    for l in range(model.shape.layers):
        destinations = [f'a{l}.h{h}<{c}>' for c in 'qkv' for h in heads]
        for targets, outputs in ((destinations, [f'a{l}.h{h}' for h in heads]), ([f'm{l}'], [f'm{l}'])):
            for target in targets:
                yield from ((f'{source}->{target}', row, column) for row, source in enumerate(sources))
                column += 1
            sources += outputs
    yield from ((f'{source}->logits', row, column) for row, source in enumerate(sources))


def score_file(model: Model, scores: Tensor, record: dict) -> dict:
    values = scores.tolist()
    named = {name: {'score': values[row][column], 'in_graph': False} for name, row, column in edges(model)}
    nodes = {name.split('->')[0]: {'in_graph': False} for name in named} | {'logits': {'in_graph': True}}
    return {'cfg': {'n_layers': model.shape.layers, 'n_heads': model.shape.heads, 'parallel_attn_mlp': False,
                    'd_model': model.shape.width}, 'nodes': nodes, 'edges': named, 'run': record}


def answer_weights(answers: list[int], distractors: list[int], like: Tensor) -> Tensor:
    weights = torch.zeros(len(like), dtype=like.dtype)
    weights[answers] = 1 / max(1, len(answers))
    weights[distractors] = -1 / max(1, len(distractors))
    return weights


def random_batches(model: Model, args: argparse.Namespace) -> list[Batch]:
    def ids(*size: int) -> Tensor:
        return torch.randint(model.shape.vocabulary, (args.examples, *size))

    weights = torch.stack([answer_weights([a], [b], model.embedding) for a, b in ids(2).tolist()])
    parts = zip(*(tensor.split(args.batch) for tensor in (ids(args.tokens), ids(args.tokens), weights)))
    return [Batch(*part) for part in parts]


def read_batches(model: Model, data: Path, size: int) -> list[Batch]:
    """JSONL with token ids: clean, corrupted, answers, distractors. Only prompts of one length share a batch."""
    by_length: dict[int, list[dict]] = {}
    for number, line in enumerate(data.read_text().splitlines(), 1):
        example = json.loads(line)
        if len(example['clean']) != len(example['corrupted']):
            raise SystemExit(f'{data}:{number}: clean and corrupted differ in length')
        by_length.setdefault(len(example['clean']), []).append(example)

    def batch(examples: list[dict]) -> Batch:
        clean, corrupted = (torch.tensor([example[name] for example in examples]) for name in ('clean', 'corrupted'))
        return Batch(clean, corrupted, torch.stack([
            answer_weights(example.get('answers', []), example.get('distractors', []), model.embedding) for example in examples]))

    return [batch(group[i:i + size]) for group in by_length.values() for i in range(0, len(group), size)]


def check(scores: dict, other: Path) -> None:
    """Prints the largest difference from another file's scores, relative to its largest score."""
    ours = {name: edge['score'] for name, edge in scores['edges'].items()}
    theirs = {name: edge['score'] for name, edge in json.loads(other.read_text())['edges'].items()}
    if ours.keys() != theirs.keys():
        raise SystemExit(f'{other}: other edges, such as {min(ours.keys() ^ theirs.keys())}')
    worst = max(ours, key=lambda name: abs(ours[name] - theirs[name]))
    largest = max(map(abs, theirs.values()))
    print(f'{len(ours)} edges: largest difference {abs(ours[worst] - theirs[worst]) / largest:.1e} of the largest score '
          f'{largest:.6g}, at {worst}')


def main() -> None:
    options = measure.parser(__doc__)
    options.add_argument('--method', choices=['eap', 'eap-ig', 'clean-corrupted'], default='eap-ig')
    options.add_argument('--metric', choices=['logit-diff', 'prob-diff', 'kl'], default='logit-diff')
    options.add_argument('--model', type=Path, help='score this Hugging Face directory instead of timing')
    options.add_argument('--data', type=Path, help='its prompts: JSONL with token ids')
    options.add_argument('--float64', action='store_true', help='compute in float64 (with --model)')
    options.add_argument('--out', type=Path, help='write the scores here')
    options.add_argument('--check', type=Path, help='compare the scores with those of this file')
    args = options.parse_args()
    if (args.model is None) != (args.data is None):
        options.error('--model and --data go together')
    measure.prepare(args)
    dtype = torch.float64 if args.float64 else torch.float32
    model = load_model(args.model, dtype) if args.model else random_model(measure.shape(args))
    layers = [SplitLayer(model, layer) for layer in model.layers]
    batches = read_batches(model, args.data, args.batch) if args.data else random_batches(model, args)
    examples = sum(len(batch.clean) for batch in batches)

    def attribute() -> Tensor:
        alphas = points(args.method, args.steps)
        return sum(batch_scores(model, layers, batch, args.metric, alphas) for batch in batches) / examples

    if not args.model:
        measure.report(args, f'{args.method} with all edge scores', *measure.time_runs(attribute, args.runs))
    if args.out or args.check:
        record = {'by': Path(sys.argv[0]).name, 'torch': torch.__version__, 'method': args.method, 'steps': args.steps,
                  'metric': args.metric, 'examples': examples, 'model': str(args.model or args.shape)}
        scores = score_file(model, attribute(), record)
        if args.out:
            args.out.write_text(json.dumps(scores) + '\n')
        if args.check:
            check(scores, args.check)


if __name__ == '__main__':
    main()
