using Faith.Engine.Models;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>What one layer of a forward pass leaves behind. Rows are the pass's rows; in the last layer everything after keys and values has one row a sequence.</summary>
internal sealed class LayerActivations
{
    /// <summary>x̂ of the norm before attention [rows × d], or none when nobody reads it.</summary>
    public Tensor AttentionXHat { get; set; }
    public Tensor AttentionInverseSigma { get; set; }
    /// <summary>Queries, keys and values before rotation.</summary>
    public Tensor Query { get; set; }
    public Tensor Key { get; set; }
    public Tensor Value { get; set; }
    /// <summary>Queries and keys as attention sees them: the same matrices where nothing rotates.</summary>
    public Tensor RotatedQuery { get; set; }
    public Tensor RotatedKey { get; set; }
    /// <summary>Attention output before W_O [query rows × H·d_head].</summary>
    public Tensor Context { get; set; }
    public Tensor Normalizers { get; set; }
    public Tensor MlpXHat { get; set; }
    public Tensor MlpInverseSigma { get; set; }
    /// <summary>The rule's factor of gelu, gelu′(u) for the derivative [query rows × f] (none when no backward pass follows), or for SwiGLU gate and up [query rows × 2f].</summary>
    public Tensor Gate { get; set; }
    /// <summary>Keys and values of the last layer, or queries, keys and values of another, side by side.</summary>
    public Tensor Projection { get; set; }
    /// <summary>Where a run that others start from keeps the streams and outputs; none otherwise.</summary>
    public Tensor KeptAttentionStream { get; set; }
    public Tensor KeptMlpStream { get; set; }
    public Tensor KeptMlpOutput { get; set; }
}

/// <summary>The matrices of a forward pass over one layout.</summary>
internal sealed class Activations
{
    /// <summary>Lays out the matrices.</summary>
    /// <param name="arena">Where.</param>
    /// <param name="c">The model.</param>
    /// <param name="rows">Rows of the pass.</param>
    /// <param name="sequences">Sequences of the pass.</param>
    /// <param name="keepLayers">False when no backward pass follows: the layers then share one set of matrices.</param>
    /// <param name="rule">How a backward pass takes its gradients; null: by the derivative.</param>
    public Activations(Arena arena, ModelConfig c, int rows, int sequences, bool keepLayers = true, GradientRule? rule = null)
    {
        Rule = rule ?? GradientRule.Derivative;
        var keepXHat = keepLayers && !Rule.HoldsSigma;
        Stream = arena.Matrix(rows, c.Width);
        LastStream = arena.Matrix(sequences, c.Width);
        Normed = arena.Matrix(rows, c.Width);
        LastNormed = arena.Matrix(sequences, c.Width);
        Hidden = arena.Matrix(rows, c.MlpWidth);
        BlockOutput = arena.Matrix(rows, c.Width);
        Final = arena.Matrix(sequences, c.Width);
        FinalXHat = Rule.HoldsSigma ? default : arena.Matrix(sequences, c.Width);
        FinalInverseSigma = arena.Matrix(sequences, 1);
        Layers = new LayerActivations[c.Layers];
        for (var l = 0; l < c.Layers; l++)
        {
            var last = l == c.Layers - 1;
            var queries = last ? sequences : rows;
            if (!keepLayers && !last && l > 0)
            {
                Layers[l] = Layers[0];
                continue;
            }
            var a = Layers[l] = new LayerActivations
            {
                AttentionInverseSigma = arena.Matrix(rows, 1),
                Projection = arena.Matrix(rows, last ? 2 * c.KeyWidth : c.ProjectionWidth),
                Context = arena.Matrix(queries, c.QueryWidth),
                Normalizers = arena.Matrix(queries, 2 * c.Heads),
                MlpXHat = keepXHat ? arena.Matrix(queries, c.Width) : default,
                MlpInverseSigma = keepLayers ? arena.Matrix(queries, 1) : default,
                Gate = c.Activation == Activation.SwiGlu ? arena.Matrix(queries, 2 * c.MlpWidth) : keepLayers ? arena.Matrix(queries, c.MlpWidth) : default,
            };
            a.Query = last ? arena.Matrix(sequences, c.QueryWidth) : a.Projection.ColumnRange(0, c.QueryWidth);
            a.Key = a.Projection.ColumnRange(last ? 0 : c.QueryWidth, c.KeyWidth);
            a.Value = a.Projection.ColumnRange((last ? 0 : c.QueryWidth) + c.KeyWidth, c.KeyWidth);
            a.RotatedQuery = c.Rotary is null ? a.Query : arena.Matrix(queries, c.QueryWidth);
            a.RotatedKey = c.Rotary is null ? a.Key : arena.Matrix(rows, c.KeyWidth);
        }
    }

    private Activations(Activations from, int rows, int sequences)
    {
        Rule = from.Rule;
        Stream = from.Stream.RowRange(0, rows);
        LastStream = from.LastStream.RowRange(0, sequences);
        Normed = from.Normed.RowRange(0, rows);
        LastNormed = from.LastNormed.RowRange(0, sequences);
        Hidden = from.Hidden.RowRange(0, rows);
        BlockOutput = from.BlockOutput.RowRange(0, rows);
        Final = from.Final.RowRange(0, sequences);
        FinalXHat = Top(from.FinalXHat, sequences);
        FinalInverseSigma = from.FinalInverseSigma.RowRange(0, sequences);
        Layers = new LayerActivations[from.Layers.Length];
        for (var l = 0; l < Layers.Length; l++)
        {
            var f = from.Layers[l];
            var queries = l == Layers.Length - 1 ? sequences : rows;
            Layers[l] = new LayerActivations
            {
                AttentionInverseSigma = f.AttentionInverseSigma.RowRange(0, rows),
                Projection = f.Projection.RowRange(0, rows),
                Query = f.Query.RowRange(0, queries),
                Key = f.Key.RowRange(0, rows),
                Value = f.Value.RowRange(0, rows),
                RotatedQuery = f.RotatedQuery.RowRange(0, queries),
                RotatedKey = f.RotatedKey.RowRange(0, rows),
                Context = f.Context.RowRange(0, queries),
                Normalizers = f.Normalizers.RowRange(0, queries),
                MlpXHat = Top(f.MlpXHat, queries),
                MlpInverseSigma = Top(f.MlpInverseSigma, queries),
                Gate = Top(f.Gate, queries),
            };
        }
    }

    /// <summary>How a backward pass takes its gradients: what is kept follows from it.</summary>
    public GradientRule Rule { get; }
    /// <summary>The residual stream [rows × d].</summary>
    public Tensor Stream { get; }
    /// <summary>The residual stream of the last layer's queries and after [sequences × d].</summary>
    public Tensor LastStream { get; }
    public Tensor Normed { get; }
    public Tensor LastNormed { get; }
    public Tensor Hidden { get; }
    public Tensor BlockOutput { get; }
    /// <summary>Output of the final norm [sequences × d].</summary>
    public Tensor Final { get; }
    /// <summary>x̂ of the final norm, or none where the rule reads none.</summary>
    public Tensor FinalXHat { get; }
    public Tensor FinalInverseSigma { get; }
    public LayerActivations[] Layers { get; }

    /// <summary>The same memory for a smaller pass.</summary>
    public Activations First(int rows, int sequences) => rows == Stream.Rows && sequences == LastStream.Rows ? this : new(this, rows, sequences);

    private static Tensor Top(Tensor x, int rows) => x.IsNone ? x : x.RowRange(0, rows);
}

/// <summary>The keys and values of the prefix rows, per layer [prefix rows × Hkv·d_head], or none when nothing is shared.</summary>
internal sealed class PrefixCache
{
    public PrefixCache(Arena arena, ModelConfig c, int rows)
    {
        Keys = new Tensor[c.Layers];
        Values = new Tensor[c.Layers];
        if (rows == 0) return;
        for (var l = 0; l < c.Layers; l++)
        {
            Keys[l] = arena.Matrix(rows, c.KeyWidth);
            Values[l] = arena.Matrix(rows, c.KeyWidth);
        }
    }

    public Tensor[] Keys { get; }
    public Tensor[] Values { get; }
}
