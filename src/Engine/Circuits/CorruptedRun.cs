using Faith.Engine.Ablations;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Circuits;

/// <summary>
/// The run that circuits differ from, and what they read of it on all rows and on each sequence's last: under patching the corrupted run,
/// under another ablation a run whose stream is the sum of the ablated outputs, positions and output biases.
/// </summary>
internal sealed class CorruptedRun
{
    private readonly Transformer model;
    private readonly BatchInputs inputs;
    private readonly Activations run;
    private readonly LayerRows[] last;
    // Copies of what is read later, where the run's own memory goes to others.
    private readonly (Tensor[] Contexts, Tensor LogitsStream)? copies;

    /// <summary>Lays out the run.</summary>
    /// <param name="model">The model.</param>
    /// <param name="arena">Where what is read of it goes.</param>
    /// <param name="inputs">What it starts from.</param>
    /// <param name="work">Where the rest goes, which others may use once it is done: queries, keys and values are then not kept. Null: all is kept.</param>
    public CorruptedRun(Transformer model, Arena arena, BatchInputs inputs, Arena? work = null)
    {
        (this.model, this.inputs) = (model, inputs);
        var (c, rows) = (model.Config, inputs.Layout.Rows);
        run = new Activations(work ?? arena, c, rows);
        run.Keep(arena);
        if (work is not null) copies = (rows.Matrices(arena, c.QueryWidth), arena.Matrix(rows.Sequences, c.Width));
        last = new LayerRows[c.Layers];
        for (var l = 0; l < c.Layers; l++)
        {
            // A narrow layer has its last rows only, but for the stream that its keys and values read.
            var stream = arena.Matrix(rows.Sequences, c.Width);
            last[l] = rows.IsNarrow(l) ? OnAllRows(l) with { AttentionStream = stream } : new(stream, work is null ? arena.Matrix(rows.Sequences, c.QueryWidth) : default,
                arena.Matrix(rows.Sequences, c.QueryWidth), c.NormsOutputs ? arena.Matrix(rows.Sequences, c.Width) : default, arena.Matrix(rows.Sequences, c.Width), arena.Matrix(rows.Sequences, c.Width));
        }
    }

    /// <summary>The stream that logits read.</summary>
    public Tensor LogitsStream => copies?.LogitsStream ?? run.Stream.Last;
    /// <summary>What the final norm put out, until others use its memory.</summary>
    public Tensor Final => run.Final;

    /// <summary>Keys and values of a layer as projected.</summary>
    public Projection Projected(int l) => run.Layers[l].Projected;

    /// <summary>A layer on the rows that some nodes are computed on.</summary>
    public LayerRows Layer(int l, bool allRows) => allRows ? OnAllRows(l) : last[l];

    /// <summary>Runs it.</summary>
    public void Execute()
    {
        var device = model.Device;
        inputs.Start(inputs.Ablated, run);
        ForwardPass.Run(model, inputs.Layout, inputs.Prefix, run, inputs.Ablation);
        if (copies is { } kept)
        {
            device.Copy(run.Stream.Last, kept.LogitsStream);
            for (var l = 0; l < last.Length; l++) device.Copy(run.Layers[l].Context, kept.Contexts[l]);
        }
        for (var l = 0; l < last.Length; l++)
        {
            Gather(l, layer => layer.AttentionStream);
            if (inputs.Layout.Rows.IsNarrow(l)) continue;
            if (copies is null) Gather(l, layer => layer.Query);
            Gather(l, layer => layer.Context);
            if (model.Config.NormsOutputs) Gather(l, layer => layer.AttentionOutput);
            Gather(l, layer => layer.MlpStream);
            Gather(l, layer => layer.MlpOutput);
        }
    }

    private void Gather(int l, Func<LayerRows, Tensor> of) => model.Device.GatherRows(of(OnAllRows(l)), inputs.Layout.LastRows, 1, of(last[l]));

    private LayerRows OnAllRows(int l)
    {
        var a = run.Layers[l];
        return new(a.KeptAttentionStream, copies is null ? a.Projected.Query : default, copies?.Contexts[l] ?? a.Context, a.KeptAttentionOutput, a.KeptMlpStream, a.KeptMlpOutput);
    }

    /// <summary>
    /// What heads and MLP of a layer read and put out, and the heads' queries as projected and contexts, on some rows; what the heads put out
    /// together, b_O included, where that is normed.
    /// </summary>
    internal readonly record struct LayerRows(Tensor AttentionStream, Tensor Query, Tensor Context, Tensor AttentionOutput, Tensor MlpStream, Tensor MlpOutput);
}
