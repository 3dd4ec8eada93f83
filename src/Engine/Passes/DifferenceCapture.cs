using Faith.Engine.Models;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// Δz = z(corrupted) − z(clean) of every node, gathered from the two runs as they pass by: the clean run is subtracted, the
/// corrupted one added. Heads are kept before W_O, which is linear.
/// </summary>
internal sealed class DifferenceCapture
{
    private readonly Device device;
    private readonly Tensor lastContext;
    private readonly Tensor lastMlp;
    private readonly int rows;
    private readonly int sequences;
    private readonly List<(int Point, float Sign)> wanted = [];

    public DifferenceCapture(Device device, Arena arena, ModelConfig c, int rows, int sequences)
    {
        this.device = device;
        this.rows = rows;
        this.sequences = sequences;
        Contexts = new Tensor[c.Layers];
        MlpOutputs = new Tensor[c.Layers];
        for (var l = 0; l < c.Layers; l++)
        {
            Contexts[l] = arena.Matrix(rows, c.QueryWidth);
            MlpOutputs[l] = arena.Matrix(rows, c.Width);
        }
        lastContext = arena.Matrix(sequences, c.QueryWidth);
        lastMlp = arena.Matrix(sequences, c.Width);
    }

    /// <summary>Per layer [rows × H·d_head].</summary>
    public Tensor[] Contexts { get; }
    /// <summary>Per layer [rows × d].</summary>
    public Tensor[] MlpOutputs { get; }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        foreach (var t in Contexts) device.Fill(t, 0);
        foreach (var t in MlpOutputs) device.Fill(t, 0);
        device.Fill(lastContext, 0);
        device.Fill(lastMlp, 0);
    }

    /// <summary>Says which points of the next pass are the clean and the corrupted run.</summary>
    public void Expect(ReadOnlySpan<double> alphas)
    {
        wanted.Clear();
        for (var p = 0; p < alphas.Length; p++)
        {
            if (alphas[p] == 1) wanted.Add((p, -1));
            if (alphas[p] == 0) wanted.Add((p, 1));
        }
    }

    /// <summary>Takes a layer's attention contexts of the current pass.</summary>
    public void Context(int l, Tensor contexts) => Add(contexts, l == Contexts.Length - 1 ? lastContext : Contexts[l], l == Contexts.Length - 1);

    /// <summary>Takes a layer's MLP outputs of the current pass.</summary>
    public void Mlp(int l, Tensor outputs) => Add(outputs, l == Contexts.Length - 1 ? lastMlp : MlpOutputs[l], l == Contexts.Length - 1);

    /// <summary>Puts the last layer's differences, which exist for one row a sequence only, in their rows.</summary>
    public void Finish(Indices lastRows)
    {
        device.ScatterAddRows(lastContext, lastRows, Contexts[^1]);
        device.ScatterAddRows(lastMlp, lastRows, MlpOutputs[^1]);
    }

    private void Add(Tensor values, Tensor sum, bool last)
    {
        var count = last ? sequences : rows;
        foreach (var (point, sign) in wanted) device.AddScaled(values.RowRange(point * count, count), sign, sum);
    }
}
