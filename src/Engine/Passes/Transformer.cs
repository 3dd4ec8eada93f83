using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Models;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>A model's parameters on a device, ready for the passes. Not thread-safe: one run at a time.</summary>
public sealed class Transformer : IDisposable
{
    private readonly List<IDisposable> owned = [];
    private readonly Lazy<Tensor> ones;
    private DeviceBuffer? workspace;
    private RotaryTables? rotary;
    private KeyBiases? biases;
    private bool isNoticeDue;

    /// <summary>Packs <paramref name="weights"/> on <paramref name="device"/>. The weights may be disposed afterwards.</summary>
    /// <exception cref="InputException">The device does not take heads of the model's width, or a file was changed while it was read.</exception>
    public Transformer(Device device, ModelWeights weights)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(weights);
        if (weights.Config.HeadDim > device.Limits.WidestHead)
        {
            throw new InputException($"the model's heads have {weights.Config.HeadDim} columns, {device.Name} takes at most {device.Limits.WidestHead}: run it with --device cpu");
        }
        Device = device;
        Config = weights.Config;
        ones = new(() => Vector([.. Enumerable.Repeat(1f, Config.Width)]));
        Hash = weights.Hash;
        Graph = new ModelGraph(Config.Layers, Config.Heads, Config.ParallelBlocks);
        try
        {
            Embedding = Table(weights.Embedding);
            var unembedding = ReferenceEquals(weights.Unembedding, weights.Embedding) ? Embedding : Table(weights.Unembedding);
            Head = new(unembedding, Vector(weights.UnembeddingBias), Config.LogitCap ?? 0);
            if (weights.Positions is { } positions && !Config.PositionsInAttention) Positions = Table(positions);
            Layers = [.. weights.Layers.Select(layer => MakeLayer(layer, Config.PositionsInAttention ? weights.Positions : null))];
            FinalNorm = Norm(weights.FinalNormScale, weights.FinalNormShift);
            weights.RequireUnchanged();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The device that holds the parameters.</summary>
    public Device Device { get; }
    /// <summary>The model's description.</summary>
    public ModelConfig Config { get; }
    /// <summary>The model's graph.</summary>
    public ModelGraph Graph { get; }
    /// <summary>SHA-256 of the model's files.</summary>
    public string Hash { get; }
    /// <summary>Bytes of device memory held by parameters.</summary>
    public long Bytes { get; private set; }

    internal Weights Embedding { get; }
    internal Weights? Positions { get; }
    /// <summary>The rotary angles of a layer, for the positions of all prompts that were <see cref="Admit"/>ted; null where nothing rotates.</summary>
    internal RotaryAngles? Angles(int l) => Config.Rotary?[l] is { } layer ? rotary?.Of(layer) : null;
    internal TransformerLayer[] Layers { get; }
    internal Norm FinalNorm { get; }
    /// <summary>How the logit of single tokens is formed; of all, <see cref="AllLogits"/>.</summary>
    internal LogitHead Head { get; }
    /// <summary>The heads of a layer.</summary>
    internal AttentionBlock AttentionBlock(int l) => new(this, l);
    /// <summary>The MLP of a layer.</summary>
    internal MlpBlock MlpBlock(int l) => new(this, l);
    /// <summary>True where the queries of all heads of a layer are normed together, and the keys.</summary>
    internal bool HasJoinedHeads => Config.QueryKeyNorm == QueryKeyNorm.Layer;
    internal bool Centred => Config.Norm == NormKind.LayerNorm;
    /// <summary>How the heads of a layer attend.</summary>
    internal AttentionShape Attention(int l) => new(Config.Heads, Config.HeadDim, Config.Group, Config.Group, Config.AttentionScale[l]) { Window = Config.Window(l) ?? 0, Cap = Config.AttentionCap ?? 0, Bias = biases?.Table ?? default };

    /// <summary>Is told, in one line, when runs go on otherwise than planned: once, when memory is first found to be short. Null: nobody wants to know.</summary>
    public Action<string>? Notice { get; set; }

    /// <summary>Bytes beyond which micro-batches of several examples have not fitted on the device.</summary>
    internal long WorkspaceLimit { get; private set; } = long.MaxValue;

    /// <summary>Frees the workspace and limits those to come.</summary>
    internal void LimitWorkspace(long bytes)
    {
        workspace?.Dispose();
        workspace = null;
        isNoticeDue |= WorkspaceLimit == long.MaxValue;
        WorkspaceLimit = Math.Min(WorkspaceLimit, bytes);
    }

    /// <summary>Gives notice, once a smaller micro-batch was run after the workspace was limited for the first time.</summary>
    internal void NoticeThatRunsGoOn()
    {
        if (isNoticeDue) Notice?.Invoke($"{Device.Name} has too little memory left for these micro-batches; going on with smaller ones (a lower --memory starts with them)");
        isNoticeDue = false;
    }

    /// <summary>Bytes of the workspace that is kept for the next run.</summary>
    internal long WorkspaceBytes => workspace?.Bytes ?? 0;

    /// <summary>Memory for a run's micro-batches, kept for the next run. Its content is undefined.</summary>
    internal DeviceBuffer Workspace(long bytes)
    {
        if (workspace is not null && workspace.Bytes >= bytes) return workspace;
        workspace?.Dispose();
        workspace = null;
        return workspace = Device.Allocate(bytes);
    }

    /// <summary>Makes ready for prompts; every run does so before it lays anything out.</summary>
    /// <exception cref="InputException">The model cannot run an example; see <see cref="PromptLimits"/>.</exception>
    internal void Admit(IReadOnlyList<Example> data, string? called = null)
    {
        var longest = PromptLimits.Check(Config, data, called);
        if (Config.Rotary is not null && !(rotary?.Positions >= longest))
        {
            var longer = new RotaryTables(Device, Config, longest);
            Bytes += longer.Bytes - (rotary?.Bytes ?? 0);
            rotary?.Dispose();
            rotary = longer;
        }
        if (Config.Alibi is { } alibi && !(biases?.Table.Columns >= longest))
        {
            var longer = new KeyBiases(Device, Config, alibi, longest);
            Bytes += longer.Bytes - (biases?.Bytes ?? 0);
            biases?.Dispose();
            biases = longer;
        }
    }

    /// <summary>Frees the parameters.</summary>
    public void Dispose()
    {
        workspace?.Dispose();
        rotary?.Dispose();
        biases?.Dispose();
        foreach (var item in owned) item.Dispose();
        owned.Clear();
    }

    private TransformerLayer MakeLayer(LayerWeights layer, MatrixSource? positions)
    {
        var projection = Pack(layer.QueryKeyValue);
        var bias = Vector(layer.QueryKeyValueBias);
        var norm = Norm(layer.AttentionNormScale, layer.AttentionNormShift);
        var (queryPositions, keyPositions) = positions is null ? default : ProjectedPositions(projection, positions);
        return new TransformerLayer
        {
            AttentionNorm = norm,
            Projection = projection,
            ProjectionBias = bias,
            ProjectionAtZero = ProjectionAtZero(projection, norm.Shift, bias),
            CopiedKeyNorm = CopiedKeyNorm(layer),
            QueryNorm = HeadNorm(layer.QueryNormScale, layer.QueryNormShift),
            KeyNorm = HeadNorm(layer.KeyNormScale, layer.KeyNormShift),
            QueryPositions = queryPositions,
            KeyPositions = keyPositions,
            ProjectionScale = norm.IsNone ? ones.Value : norm.Scale,
            Output = Pack(layer.Output),
            OutputBias = Vector(layer.OutputBias),
            AttentionOutputNorm = Norm(layer.AttentionOutputNormScale, null),
            MlpNorm = Norm(layer.MlpNormScale, layer.MlpNormShift),
            Up = Pack(layer.Up),
            UpBias = Vector(layer.UpBias),
            Down = Pack(layer.Down),
            DownBias = Vector(layer.DownBias),
            MlpOutputNorm = Norm(layer.MlpOutputNormScale, null),
        };
    }

    /// <summary>b′ = Wᵀβ + b: the projection at x̂ = 0 (method.md §3), or none where it is zero.</summary>
    private Tensor ProjectionAtZero(Weights projection, Tensor shift, Tensor bias)
    {
        if (shift.IsNone) return bias;
        var result = NewMatrix(1, projection.Outputs);
        Device.Multiply(projection, WeightSide.Forward, shift, result, bias);
        return result;
    }

    /// <summary>W_qᵀ·p and W_kᵀ·p of every position p: what positions that join the inputs of queries and keys add to these [context × H·d_head, context × Hkv·d_head].</summary>
    private (Tensor Query, Tensor Key) ProjectedPositions(Weights projection, MatrixSource positions)
    {
        var (query, key) = (NewMatrix(positions.Inputs, Config.QueryWidth), NewMatrix(positions.Inputs, Config.KeyWidth));
        const int ElementsAtOnce = 1 << 20;
        var step = Math.Clamp(ElementsAtOnce / Config.Width, 1, positions.Inputs);
        var numbers = new float[step * Config.Width];
        using var memory = Device.Allocate((long)numbers.Length * sizeof(float));
        for (var first = 0; first < positions.Inputs; first += step)
        {
            var count = Math.Min(step, positions.Inputs - first);
            var (read, inputs) = (numbers.AsMemory(0, count * Config.Width), new Tensor(memory, count, Config.Width));
            positions.ReadStoredRows(first, count, read.Span);
            Device.Upload(read.Span, inputs);
            Device.Multiply(projection, WeightSide.Forward, inputs, query.RowRange(first, count));
            Device.Multiply(projection, WeightSide.Forward, inputs, key.RowRange(first, count), n0: Config.QueryWidth);
        }
        return (query, key);
    }

    private Weights Pack(MatrixSource source) => Own(Device.CreateWeights(source));

    private Weights Table(MatrixSource source) => Own(Device.CreateTable(source));

    private Weights Own(Weights weights)
    {
        owned.Add(weights);
        Bytes += weights.Bytes;
        return weights;
    }

    private Tensor NewMatrix(int rows, int columns)
    {
        var buffer = Device.Allocate((long)rows * columns * sizeof(float));
        owned.Add(buffer);
        Bytes += buffer.Bytes;
        return new Tensor(buffer, rows, columns);
    }

    private Tensor Matrix(ReadOnlySpan<float> values, int rows, int columns)
    {
        var matrix = NewMatrix(rows, columns);
        Device.Upload(values, matrix);
        return matrix;
    }

    private HeadNorm? CopiedKeyNorm(LayerWeights layer)
    {
        if (!HasJoinedHeads || layer.KeyNormScale is not { } scale) return HeadNorm(layer.KeyNormScale, layer.KeyNormShift);
        var dh = Config.HeadDim;
        return HeadNorm([.. Enumerable.Range(0, Config.Heads).SelectMany(h => scale.Skip(h / Config.Group * dh).Take(dh))], null);
    }

    private HeadNorm? HeadNorm(float[]? scale, float[]? shift) =>
        scale is null ? null : new(Norm(scale, shift), Config.QueryKeyNorm == QueryKeyNorm.OwnHeads ? Config.HeadDim : 0);

    private Norm Norm(float[]? scale, float[]? shift) => new(Device, Vector(scale), Vector(shift), Config.NormEpsilon, Centred);

    private Tensor Vector(float[]? values) => values is null ? default : Matrix(values, 1, values.Length);
}

/// <summary>One layer's parameters on a device.</summary>
internal sealed class TransformerLayer
{
    public required Norm AttentionNorm { get; init; }
    public required Weights Projection { get; init; }
    public required Tensor ProjectionBias { get; init; }
    public required Tensor ProjectionAtZero { get; init; }
    /// <summary>The norm of every head's queries, or of all heads' together, or null.</summary>
    public required HeadNorm? QueryNorm { get; init; }
    /// <summary>The norm of every head's keys, or null.</summary>
    public required HeadNorm? KeyNorm { get; init; }
    /// <summary>The same of the keys of every query head, where heads that share keys have copies of them.</summary>
    public required HeadNorm? CopiedKeyNorm { get; init; }
    /// <summary>What positions add to every head's queries [context × H·d_head], or none.</summary>
    public required Tensor QueryPositions { get; init; }
    /// <summary>The same of keys [context × Hkv·d_head].</summary>
    public required Tensor KeyPositions { get; init; }
    /// <summary>γ of the norm before the projection, ones where there is none.</summary>
    public required Tensor ProjectionScale { get; init; }
    public required Weights Output { get; init; }
    public required Tensor OutputBias { get; init; }
    public required Norm AttentionOutputNorm { get; init; }
    public required Norm MlpNorm { get; init; }
    public required Weights Up { get; init; }
    public required Tensor UpBias { get; init; }
    public required Weights Down { get; init; }
    public required Tensor DownBias { get; init; }
    public required Norm MlpOutputNorm { get; init; }
}
