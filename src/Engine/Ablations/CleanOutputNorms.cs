using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Ablations;

/// <summary>
/// The norms of what attention puts out, to first order about the clean run: of a head's difference δ they make J·δ = γ⊙(δ − ô·mean(ô⊙δ))/ρ
/// with ô = o/ρ, ρ = rms(o) (method.md §8), or γ⊙δ/ρ by a rule that takes divisors for constants.
/// </summary>
internal sealed class CleanOutputNorms
{
    private readonly Transformer model;
    private readonly Rows rows;
    private readonly OutputNorm[] all;
    private readonly OutputNorm last;
    private readonly Tensor normed;

    public CleanOutputNorms(Transformer model, Arena arena, Rows rows, GradientRule rule)
    {
        (this.model, this.rows) = (model, rows);
        OutputNorm Room(int l, int count) => new(model.AttentionBlock(l).OutputNorm.Scale, rule.HoldsSigma ? default : arena.Matrix(count, model.Config.Width), arena.Matrix(count, 1), model.Centred);
        all = [.. Enumerable.Range(0, rows.Layers).Select(l => Room(l, rows.All))];
        last = Room(rows.Layers - 1, rows.Sequences);
        normed = arena.Matrix(rows.All, model.Config.Width);
    }

    /// <summary>Per layer, on all rows; of the last layer only after <see cref="Finish"/>.</summary>
    public OutputNorm[] All => all;

    /// <summary>Of a layer, on the rows that it goes on with.</summary>
    public OutputNorm this[int l] => rows.IsNarrow(l) ? last : all[l];

    /// <summary>Takes what a layer's attention puts out in the clean run.</summary>
    public void Take(int l, Tensor output)
    {
        var to = this[l];
        model.AttentionBlock(l).OutputNorm.Forward(output, normed.RowRange(0, output.Rows), to.XHat, to.InverseSigma);
    }

    /// <summary>Puts the last layer's, which exist for one row a sequence only, in their rows; others, where no head differs, are zero.</summary>
    public void Finish(Indices lastRows)
    {
        Put(last.InverseSigma, all[^1].InverseSigma);
        if (!last.XHat.IsNone) Put(last.XHat, all[^1].XHat);

        void Put(Tensor from, Tensor to)
        {
            model.Device.Fill(to, 0);
            model.Device.ScatterAddRows(from, lastRows, to);
        }
    }
}
