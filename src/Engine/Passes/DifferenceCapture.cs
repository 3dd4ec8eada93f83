using Faith.Engine.Ablations;
using Faith.Engine.Models;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// Δz = z(ablated) − z(clean) of every node, gathered from the runs as they pass by: the clean run is subtracted, and added the
/// corrupted run or what an ablation puts in its place. Heads are kept before W_O, which is linear.
/// </summary>
internal sealed class DifferenceCapture : PassHook
{
    private readonly Device device;
    private readonly AblatedRows? ablation;
    private readonly int rows;
    private readonly int sequences;
    private readonly List<(int Point, float Sign)> wanted = [];

    public DifferenceCapture(Device device, Arena arena, ModelConfig c, int rows, int sequences, AblatedRows? ablation)
    {
        this.device = device;
        this.ablation = ablation;
        this.rows = rows;
        this.sequences = sequences;
        Contexts = new Tensor[c.Layers];
        MlpOutputs = new Tensor[c.Layers];
        for (var l = 0; l < c.Layers; l++)
        {
            Contexts[l] = arena.Matrix(rows, c.QueryWidth);
            MlpOutputs[l] = arena.Matrix(rows, c.Width);
        }
        LastContext = arena.Matrix(sequences, c.QueryWidth);
        LastMlp = arena.Matrix(sequences, c.Width);
    }

    /// <summary>Per layer [rows × H·d_head]; of the last layer only after <see cref="Finish"/>.</summary>
    public Tensor[] Contexts { get; }
    /// <summary>Per layer [rows × d]; of the last layer only after <see cref="Finish"/>.</summary>
    public Tensor[] MlpOutputs { get; }
    /// <summary>Of the last layer, on each sequence's last row [sequences × H·d_head].</summary>
    public Tensor LastContext { get; }
    /// <summary>Of the last layer, on each sequence's last row [sequences × d].</summary>
    public Tensor LastMlp { get; }

    /// <summary>Forgets everything.</summary>
    public void Start()
    {
        for (var l = 0; l < Contexts.Length; l++)
        {
            device.Fill(Contexts[l], 0);
            device.Fill(MlpOutputs[l], 0);
        }
        device.Fill(LastContext, 0);
        device.Fill(LastMlp, 0);
        if (ablation is null) return;
        for (var l = 0; l < Contexts.Length; l++)
        {
            ablation.Context(l, l == Contexts.Length - 1 ? LastContext : Contexts[l]);
            ablation.Mlp(l, l == Contexts.Length - 1 ? LastMlp : MlpOutputs[l]);
        }
    }

    /// <summary>Says which points of the next pass are the clean and the corrupted run.</summary>
    public void Expect(int? clean, int? corrupted)
    {
        wanted.Clear();
        if (clean is { } c) wanted.Add((c, -1));
        if (corrupted is { } z && ablation is null) wanted.Add((z, 1));
    }

    /// <summary>Takes a layer's attention contexts of the current pass.</summary>
    public override void Context(int l, Tensor contexts) => Add(contexts, l == Contexts.Length - 1 ? LastContext : Contexts[l], l == Contexts.Length - 1);

    /// <summary>Takes a layer's MLP outputs of the current pass.</summary>
    public override void Mlp(int l, Tensor outputs) => Add(outputs, l == Contexts.Length - 1 ? LastMlp : MlpOutputs[l], l == Contexts.Length - 1);

    /// <summary>Puts the last layer's differences, which exist for one row a sequence only, in their rows.</summary>
    public void Finish(Indices lastRows)
    {
        device.ScatterAddRows(LastContext, lastRows, Contexts[^1]);
        device.ScatterAddRows(LastMlp, lastRows, MlpOutputs[^1]);
    }

    private void Add(Tensor values, Tensor sum, bool last)
    {
        var count = last ? sequences : rows;
        foreach (var (point, sign) in wanted) device.AddScaled(values.RowRange(point * count, count), sign, sum);
    }
}
