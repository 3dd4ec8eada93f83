using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Attribution;

/// <summary>Keys, or values, of which the rows of one span are those of another run.</summary>
internal sealed class SpanMixture
{
    private readonly Device device;
    private readonly Tensor both;
    private readonly Tensor mixed;
    private readonly Indices[] mixing;

    /// <summary>Lays out memory for matrices of so many columns.</summary>
    public SpanMixture(Transformer model, Arena arena, bool measuring, Rows rows, SpanRows spans, int columns)
    {
        device = model.Device;
        (both, mixed) = (arena.Matrix(2 * rows.All, columns), arena.Matrix(rows.All, columns));
        var memory = Enumerable.Range(0, spans.Spans).Select(_ => arena.Integers(rows.All)).ToArray();
        // Rows of the one run stand first, those of the other behind them.
        mixing = measuring ? [] : [.. memory.Select((to, s) => spans.Of.Contains(s) ? device.Upload([.. spans.Of.Select((span, row) => span == s ? rows.All + row : row)], to) : default)];
    }

    /// <summary>For every span that has rows, <paramref name="clean"/> with its rows from <paramref name="changed"/>; valid until the next.</summary>
    public IEnumerable<(int Span, Tensor Mixed)> Of(Tensor clean, Tensor changed)
    {
        device.Copy(clean, both.RowRange(0, clean.Rows));
        device.Copy(changed, both.RowRange(clean.Rows, clean.Rows));
        for (var s = 0; s < mixing.Length; s++)
        {
            if (mixing[s].Count == 0) continue;
            device.GatherRows(both, mixing[s], 1, mixed);
            yield return (s, mixed);
        }
    }
}
