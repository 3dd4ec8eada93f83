"""How long PyTorch takes for the passes of EAP-IG alone: per example, a number of forward passes and backward passes to the
embeddings. No gradients of weights, logits of the last position only, and nothing is attributed."""
import measure
import torch
from model import Layer, Model, attention, random_model
from torch import Tensor


def attend(model: Model, layer: Layer, x: Tensor) -> Tensor:
    shape = model.shape
    batch, tokens, _ = x.shape
    heads = layer.qkv(layer.attention_norm(x)).view(batch, tokens, -1, shape.head_dim).transpose(1, 2)
    q, k, v = heads.split([shape.heads, shape.kv_heads, shape.kv_heads], 1)
    q, k = model.rotate(q), model.rotate(k)
    if shape.kv_heads < shape.heads:
        k, v = (t.repeat_interleave(shape.heads // shape.kv_heads, 1) for t in (k, v))
    return layer.out(attention(q, k, v).transpose(1, 2).reshape(batch, tokens, -1))


def last_logits(model: Model, embeddings: Tensor) -> Tensor:
    x = model.enter(embeddings)
    for layer in model.layers:
        x = x + attend(model, layer, x)
        x = x + layer.mlp(x)
    return model.unembedding(model.final_norm(x[:, -1]))


def gradient(model: Model, tokens: Tensor, answers: Tensor) -> Tensor:
    """Of the logit difference of two answers per prompt, with respect to the prompts' embeddings."""
    embeddings = model.embedding[tokens].requires_grad_()
    answer, distractor = last_logits(model, embeddings).gather(1, answers).unbind(1)
    return torch.autograd.grad((answer - distractor).sum(), embeddings)[0]


def main() -> None:
    args = measure.parser(__doc__).parse_args()
    measure.prepare(args)
    model = random_model(measure.shape(args))
    tokens = torch.randint(model.shape.vocabulary, (args.examples, args.tokens))
    answers = torch.randint(model.shape.vocabulary, (args.examples, 2))

    def run() -> None:
        for batch in zip(tokens.split(args.batch), answers.split(args.batch)):
            for _ in range(args.steps):
                gradient(model, *batch)

    measure.report(args, f'{args.steps} x (forward + backward)', *measure.time_runs(run, args.runs))


if __name__ == '__main__':
    main()
