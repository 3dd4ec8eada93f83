using Faith.Engine.Graphs;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Masks;

/// <summary>What the backward pass of a <see cref="MaskedRun"/> needs of a layer, in which every head has queries, keys and values of its own.</summary>
internal sealed class MaskedLayer
{
    private readonly int rows;
    private readonly Tensor xHat;
    private readonly Tensor inverseSigma;

    /// <summary>Lays it out.</summary>
    public MaskedLayer(Arena arena, ModelConfig c, Rows rows, int l)
    {
        this.rows = rows.All;
        if (c.NormsInputs) (xHat, inverseSigma) = (arena.Matrix(checked(3 * c.Heads * rows.All), c.Width), arena.Matrix(3 * c.Heads * rows.All, 1));
        Value = arena.Matrix(rows.All, c.QueryWidth);
        Activations = new LayerActivations
        {
            FinalQuery = rows.Matrix(arena, l, c.QueryWidth), FinalKey = arena.Matrix(rows.All, c.QueryWidth),
            Context = rows.Matrix(arena, l, c.QueryWidth), Normalizers = rows.Matrix(arena, l, 2 * c.Heads),
            MlpXHat = c.NormsInputs ? rows.Matrix(arena, l, c.Width) : default, MlpInverseSigma = c.NormsInputs ? rows.Matrix(arena, l, 1) : default,
            Gate = rows.Matrix(arena, l, (c.Gated ? 2 : 1) * c.MlpWidth),
            MlpOutputXHat = c.NormsOutputs ? rows.Matrix(arena, l, c.Width) : default, MlpOutputInverseSigma = c.NormsOutputs ? rows.Matrix(arena, l, 1) : default,
        };
        if (c.QueryKeyNorm == QueryKeyNorm.None) return;
        var parts = c.NormParts(c.Heads);
        Activations.QueryNorm = new(rows.Matrix(arena, l, c.QueryWidth), rows.Matrix(arena, l, parts));
        Activations.KeyNorm = new(arena.Matrix(rows.All, c.QueryWidth), arena.Matrix(rows.All, parts));
    }

    /// <summary>Final queries and keys of every head by itself, contexts, and what MLP and norms leave.</summary>
    public LayerActivations Activations { get; }

    /// <summary>Values, one block a query head.</summary>
    public Tensor Value { get; }

    /// <summary>Where queries, keys or values are projected to.</summary>
    public Tensor Projected(InputKind kind) => kind switch { InputKind.Query => Activations.FinalQuery, InputKind.Key => Activations.FinalKey, _ => Value };

    /// <summary>x̂ and 1/σ of the columns of all heads from those of a kind on, with so many rows in all: none where inputs are not normed.</summary>
    public (Tensor XHat, Tensor InverseSigma) Trace(InputKind first, int heads, int count) =>
        xHat.IsNone ? default : (xHat.RowRange((int)first * heads * rows, count), inverseSigma.RowRange((int)first * heads * rows, count));
}
