using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Circuits;

/// <summary>Clears rows of other spans than one.</summary>
internal sealed class SpanMasks
{
    private readonly Device device;
    private readonly SpanRows spans;
    private readonly Tensor zeroAndOne;
    private readonly Indices[] memory;
    private readonly Indices[] lastMemory;
    private Indices[] all = [];
    private Indices[] last = [];

    public SpanMasks(Transformer model, Arena arena, SpanRows spans)
    {
        (device, this.spans) = (model.Device, spans);
        zeroAndOne = arena.Matrix(2, model.Config.Width);
        memory = [.. Enumerable.Range(0, spans.Spans).Select(_ => arena.Integers(spans.Of.Length))];
        lastMemory = [.. Enumerable.Range(0, spans.Spans).Select(_ => arena.Integers(spans.OfLast.Length))];
    }

    /// <summary>Before the first use.</summary>
    public void Start()
    {
        device.Fill(zeroAndOne.RowRange(0, 1), 0);
        device.Fill(zeroAndOne.RowRange(1, 1), 1);
        all = [.. memory.Select((to, s) => device.Upload(Ones(spans.Of, s), to))];
        last = [.. lastMemory.Select((to, s) => device.Upload(Ones(spans.OfLast, s), to))];
    }

    /// <summary>Clears the rows of x that are of other spans; <paramref name="work"/> is memory of the same shape.</summary>
    public void Apply(int span, bool allRows, Tensor x, Tensor work)
    {
        device.GatherRows(zeroAndOne, (allRows ? all : last)[span], 1, work);
        device.MultiplyElements(x, work, x);
    }

    private static int[] Ones(int[] labels, int span) => Array.ConvertAll(labels, label => label == span ? 1 : 0);
}
