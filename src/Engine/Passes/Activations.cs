using Faith.Engine.Models;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>What one layer of a forward pass leaves behind. Queries and what follows them have the rows that <see cref="Rows.Of"/> says, keys and values all.</summary>
internal sealed class LayerActivations
{
    /// <summary>x̂ of the norm before attention [rows × d], or none when nobody reads it.</summary>
    public Tensor AttentionXHat { get; set; }
    public Tensor AttentionInverseSigma { get; set; }
    /// <summary>Queries, keys and values as projected.</summary>
    public Projection Projected { get; set; }
    /// <summary>Queries and keys as attention sees them, with positions, normed and rotated: the same matrices where nothing is done to them.</summary>
    public Tensor FinalQuery { get; set; }
    public Tensor FinalKey { get; set; }
    /// <summary>What the backward pass needs of the norms of queries and keys.</summary>
    public NormTrace QueryNorm { get; set; }
    public NormTrace KeyNorm { get; set; }
    /// <summary>Attention output before W_O [query rows × H·d_head].</summary>
    public Tensor Context { get; set; }
    public Tensor Normalizers { get; set; }
    /// <summary>x̂ and 1/σ of the norm of what attention puts out, none where the model or a backward pass has none.</summary>
    public Tensor AttentionOutputXHat { get; set; }
    public Tensor AttentionOutputInverseSigma { get; set; }
    public Tensor MlpXHat { get; set; }
    public Tensor MlpInverseSigma { get; set; }
    /// <summary>The rule's factor of φ, φ′(u) for the derivative [query rows × f] (none when no backward pass follows), or gate and up of a gated MLP [query rows × 2f].</summary>
    public Tensor Gate { get; set; }
    /// <summary>The same of what the MLP puts out.</summary>
    public Tensor MlpOutputXHat { get; set; }
    public Tensor MlpOutputInverseSigma { get; set; }
    /// <summary>Where a run that others start from keeps the streams and outputs; none otherwise.</summary>
    public Tensor KeptAttentionStream { get; set; }
    /// <summary>What attention puts out, b_O included, before the norm of it; of a model with such norms.</summary>
    public Tensor KeptAttentionOutput { get; set; }
    public Tensor KeptMlpStream { get; set; }
    public Tensor KeptMlpOutput { get; set; }
}

/// <summary>What a norm of parts of rows leaves behind for its gradient.</summary>
/// <param name="XHat">x̂ [rows × parts·d], or none where the rule reads none.</param>
/// <param name="InverseSigma">1/σ [rows × parts], or none where there is no norm or no gradient.</param>
internal readonly record struct NormTrace(Tensor XHat, Tensor InverseSigma)
{
    /// <summary>The same memory for fewer rows.</summary>
    public NormTrace First(int rows) => new(XHat.IsNone ? XHat : XHat.RowRange(0, rows), InverseSigma.IsNone ? InverseSigma : InverseSigma.RowRange(0, rows));
}

/// <summary>The matrices of a forward pass over one layout.</summary>
internal sealed class Activations
{
    private readonly bool normsOutputs;

    /// <summary>Lays out the matrices.</summary>
    /// <param name="arena">Where.</param>
    /// <param name="c">The model.</param>
    /// <param name="rows">The rows of the pass.</param>
    /// <param name="keepLayers">False when no backward pass follows: the layers then share one set of matrices.</param>
    /// <param name="rule">How a backward pass takes its gradients; null: by the derivative.</param>
    public Activations(Arena arena, ModelConfig c, Rows rows, bool keepLayers = true, GradientRule? rule = null)
    {
        (Rule, Rows, normsOutputs) = (rule ?? GradientRule.Derivative, rows, c.NormsOutputs);
        var keepXHat = keepLayers && !Rule.HoldsSigma;
        var (keepInputXHat, keepOutputXHat) = (keepXHat && c.NormsInputs, keepXHat && c.NormsOutputs);
        Stream = new RowMatrices(arena, rows, c.Width);
        Normed = new RowMatrices(arena, rows, c.Width);
        Hidden = arena.Matrix(rows.All, c.MlpWidth);
        BlockOutput = arena.Matrix(rows.All, c.Width);
        Final = arena.Matrix(rows.Sequences, c.Width);
        FinalXHat = Rule.HoldsSigma ? default : arena.Matrix(rows.Sequences, c.Width);
        FinalInverseSigma = arena.Matrix(rows.Sequences, 1);
        Layers = new LayerActivations[c.Layers];
        for (var l = 0; l < c.Layers; l++)
        {
            if (!keepLayers && !rows.IsNarrow(l) && l > 0)
            {
                Layers[l] = Layers[0];
                continue;
            }
            var a = Layers[l] = new LayerActivations
            {
                AttentionInverseSigma = arena.Matrix(rows.All, 1),
                Projected = Projection.Lay(arena, c, rows, l),
                Context = rows.Matrix(arena, l, c.QueryWidth),
                Normalizers = rows.Matrix(arena, l, 2 * c.Heads),
                AttentionOutputXHat = keepOutputXHat ? rows.Matrix(arena, l, c.Width) : default,
                AttentionOutputInverseSigma = keepLayers && c.NormsOutputs ? rows.Matrix(arena, l, 1) : default,
                MlpXHat = keepInputXHat ? rows.Matrix(arena, l, c.Width) : default,
                MlpInverseSigma = keepLayers ? rows.Matrix(arena, l, 1) : default,
                Gate = c.Gated ? rows.Matrix(arena, l, 2 * c.MlpWidth) : keepLayers ? rows.Matrix(arena, l, c.MlpWidth) : default,
                MlpOutputXHat = keepOutputXHat ? rows.Matrix(arena, l, c.Width) : default,
                MlpOutputInverseSigma = keepLayers && c.NormsOutputs ? rows.Matrix(arena, l, 1) : default,
            };
            var isFinal = c.AttendsAsProjected(l);
            a.FinalQuery = isFinal ? a.Projected.Query : rows.Matrix(arena, l, c.QueryWidth);
            a.FinalKey = isFinal ? a.Projected.Key : arena.Matrix(rows.All, c.KeyWidth);
            if (c.QueryKeyNorm == QueryKeyNorm.None || !keepLayers || Rule.Pattern == PatternRule.Constant) continue;
            a.QueryNorm = new(keepXHat ? rows.Matrix(arena, l, c.QueryWidth) : default, rows.Matrix(arena, l, c.NormParts(c.Heads)));
            a.KeyNorm = new(keepXHat ? arena.Matrix(rows.All, c.KeyWidth) : default, arena.Matrix(rows.All, c.NormParts(c.KeyValueHeads)));
        }
    }

    private Activations(Activations from, Rows rows)
    {
        (Rule, Rows, normsOutputs) = (from.Rule, rows, from.normsOutputs);
        Stream = from.Stream.First(rows);
        Normed = from.Normed.First(rows);
        Hidden = from.Hidden.RowRange(0, rows.All);
        BlockOutput = from.BlockOutput.RowRange(0, rows.All);
        Final = from.Final.RowRange(0, rows.Sequences);
        FinalXHat = Top(from.FinalXHat, rows.Sequences);
        FinalInverseSigma = from.FinalInverseSigma.RowRange(0, rows.Sequences);
        Layers = new LayerActivations[from.Layers.Length];
        for (var l = 0; l < Layers.Length; l++)
        {
            var (f, queries) = (from.Layers[l], rows.Of(l));
            Layers[l] = new LayerActivations
            {
                AttentionInverseSigma = f.AttentionInverseSigma.RowRange(0, rows.All),
                Projected = f.Projected.First(rows, l),
                FinalQuery = f.FinalQuery.RowRange(0, queries),
                FinalKey = f.FinalKey.RowRange(0, rows.All),
                QueryNorm = f.QueryNorm.First(queries),
                KeyNorm = f.KeyNorm.First(rows.All),
                Context = f.Context.RowRange(0, queries),
                Normalizers = f.Normalizers.RowRange(0, queries),
                AttentionOutputXHat = Top(f.AttentionOutputXHat, queries),
                AttentionOutputInverseSigma = Top(f.AttentionOutputInverseSigma, queries),
                MlpXHat = Top(f.MlpXHat, queries),
                MlpInverseSigma = Top(f.MlpInverseSigma, queries),
                Gate = Top(f.Gate, queries),
                MlpOutputXHat = Top(f.MlpOutputXHat, queries),
                MlpOutputInverseSigma = Top(f.MlpOutputInverseSigma, queries),
            };
        }
    }

    /// <summary>How a backward pass takes its gradients: what is kept follows from it.</summary>
    public GradientRule Rule { get; }
    /// <summary>The rows of the pass.</summary>
    public Rows Rows { get; }
    /// <summary>The residual stream [rows × d], and from the last layer's queries on.</summary>
    public RowMatrices Stream { get; }
    public RowMatrices Normed { get; }
    public Tensor Hidden { get; }
    public Tensor BlockOutput { get; }
    /// <summary>Output of the final norm [sequences × d].</summary>
    public Tensor Final { get; }
    /// <summary>x̂ of the final norm, or none where the rule reads none.</summary>
    public Tensor FinalXHat { get; }
    public Tensor FinalInverseSigma { get; }
    public LayerActivations[] Layers { get; }

    /// <summary>The same memory for a smaller pass.</summary>
    public Activations First(Rows rows) => rows == Rows ? this : new(this, rows);

    /// <summary>Gives every layer room to keep the stream that its heads read, what they put out where that is normed, the stream that its MLP reads, and what that puts out, for a run that others start from.</summary>
    public void Keep(Arena arena, bool mlpStreams = true, bool mlpOutputs = true)
    {
        for (var l = 0; l < Layers.Length; l++)
        {
            Layers[l].KeptAttentionStream = arena.Matrix(Rows.All, Stream.All.Columns);
            if (normsOutputs) Layers[l].KeptAttentionOutput = Rows.Matrix(arena, l, Stream.All.Columns);
            if (mlpStreams) Layers[l].KeptMlpStream = Rows.Matrix(arena, l, Stream.All.Columns);
            if (mlpOutputs) Layers[l].KeptMlpOutput = Rows.Matrix(arena, l, Stream.All.Columns);
        }
    }

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
