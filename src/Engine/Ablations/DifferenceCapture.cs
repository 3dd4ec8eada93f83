using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Ablations;

/// <summary>
/// Δz = z(ablated) − z(clean) of every node, gathered from the runs as they pass by: the clean run is subtracted, and added the
/// corrupted run or what an ablation puts in its place. Heads are kept before W_O, which is linear.
/// </summary>
internal sealed class DifferenceCapture : PassHook
{
    private readonly Device device;
    private readonly AblatedRows? ablation;
    private readonly Rows rows;
    private readonly Tensor lastContext;
    private readonly Tensor lastMlp;
    private readonly List<(int Point, float Sign)> wanted = [];

    public DifferenceCapture(Transformer model, Arena arena, Rows rows, AblatedRows? ablation)
    {
        (device, this.rows, this.ablation) = (model.Device, rows, ablation);
        var c = model.Config;
        Contexts = new Tensor[c.Layers];
        MlpOutputs = new Tensor[c.Layers];
        for (var l = 0; l < c.Layers; l++)
        {
            Contexts[l] = arena.Matrix(rows.All, c.QueryWidth);
            MlpOutputs[l] = arena.Matrix(rows.All, c.Width);
        }
        lastContext = arena.Matrix(rows.Sequences, c.QueryWidth);
        lastMlp = arena.Matrix(rows.Sequences, c.Width);
    }

    /// <summary>Per layer, on all rows [rows × H·d_head]; of the last layer only after <see cref="Finish"/>.</summary>
    public Tensor[] Contexts { get; }
    /// <summary>Per layer, on all rows [rows × d]; of the last layer only after <see cref="Finish"/>.</summary>
    public Tensor[] MlpOutputs { get; }

    /// <summary>Takes the norms of attention's outputs in the clean run; null: nobody wants them.</summary>
    public CleanOutputNorms? Norms { get; init; }

    /// <summary>Of a layer's contexts, on the rows that it goes on with.</summary>
    public Tensor Context(int l) => rows.IsNarrow(l) ? lastContext : Contexts[l];

    /// <summary>Of a layer's MLP outputs, on the rows that it goes on with.</summary>
    public Tensor Mlp(int l) => rows.IsNarrow(l) ? lastMlp : MlpOutputs[l];

    /// <summary>Forgets everything.</summary>
    public void Start()
    {
        for (var l = 0; l < Contexts.Length; l++)
        {
            device.Fill(Contexts[l], 0);
            device.Fill(MlpOutputs[l], 0);
        }
        device.Fill(lastContext, 0);
        device.Fill(lastMlp, 0);
        if (ablation is null) return;
        for (var l = 0; l < Contexts.Length; l++)
        {
            ablation.Context(l, Context(l));
            ablation.Mlp(l, Mlp(l));
        }
    }

    /// <summary>Says which points of the next pass are the clean and the corrupted run.</summary>
    public void Expect(int? clean, int? corrupted)
    {
        wanted.Clear();
        if (clean is { } c) wanted.Add((c, -1));
        if (corrupted is { } z && ablation is null) wanted.Add((z, 1));
    }

    public override void Context(int l, Tensor contexts) => Add(l, contexts, Context(l));

    public override void AttentionOutput(int l, Tensor output)
    {
        if (wanted.Find(run => run.Sign < 0) is { Sign: < 0 } clean) Norms?.Take(l, rows.Point(output, l, clean.Point));
    }

    public override void Mlp(int l, Tensor outputs) => Add(l, outputs, Mlp(l));

    /// <summary>Puts the last layer's differences, which exist for one row a sequence only, in their rows.</summary>
    public void Finish(Indices lastRows)
    {
        device.ScatterAddRows(lastContext, lastRows, Contexts[^1]);
        device.ScatterAddRows(lastMlp, lastRows, MlpOutputs[^1]);
        Norms?.Finish(lastRows);
    }

    private void Add(int l, Tensor values, Tensor sum)
    {
        foreach (var (point, sign) in wanted) device.AddScaled(rows.Point(values, l, point), sign, sum);
    }
}
