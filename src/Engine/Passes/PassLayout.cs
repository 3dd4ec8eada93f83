using Faith.Engine.Data;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>The layout of a pass that runs every example of a batch at several points of a path: point-major rows, and which of them a layer goes on with.</summary>
internal sealed class PassLayout
{
    /// <summary>
    /// The suffix rows of a batch, <paramref name="points"/> times over. With <paramref name="everyRow"/> the last layer too goes on
    /// with every row: each counts as the last of a sequence there.
    /// </summary>
    public PassLayout(Transformer model, Arena arena, bool measuring, Batch batch, int points, bool everyRow = false)
    {
        var device = model.Device;
        Points = points;
        Rows = new Rows(model.Config.Layers, batch.Rows, everyRow ? batch.Rows : batch.Sequences).Times(points);
        All = new Ragged(Repeat(batch.SuffixLengths, points), Repeat(batch.PrefixOffsets, points), Repeat(batch.PrefixLengths, points), lastQueryOnly: false);
        Last = new Ragged(Repeat(batch.SuffixLengths, points), Repeat(batch.PrefixOffsets, points), Repeat(batch.PrefixLengths, points), lastQueryOnly: !everyRow);
        var lastRows = everyRow ? [.. Enumerable.Range(0, Rows.All)] : All.Offsets[1..].Select(end => end - 1).ToArray();
        var angles = Repeat(batch.AngleRows, points);
        var (allMemory, lastMemory) = (arena.Integers(All.Integers), arena.Integers(Last.Integers));
        var (rowMemory, positionMemory) = (arena.Integers(Rows.Sequences), arena.Integers(Rows.All));
        var (angleMemory, lastAngleMemory) = (arena.Integers(Rows.All), arena.Integers(Rows.Sequences));
        if (measuring) return;
        device.Prepare(All, allMemory);
        device.Prepare(Last, lastMemory);
        LastRows = device.Upload(lastRows, rowMemory);
        Positions = device.Upload(Repeat(batch.Positions, points), positionMemory);
        Angles = device.Upload(angles, angleMemory);
        LastAngles = device.Upload([.. lastRows.Select(r => angles[r])], lastAngleMemory);
    }

    /// <summary>The prefix rows of a batch: sequences of their own, without a prefix before them.</summary>
    public static PassLayout ForPrefixes(Transformer model, Arena arena, bool measuring, Batch batch)
    {
        return new(model, arena, measuring, batch.Prefixes(), 1);
    }

    public int Points { get; }
    public Rows Rows { get; }
    /// <summary>All rows, as keys and values have them.</summary>
    public Ragged All { get; }
    /// <summary>Positions of all rows.</summary>
    public Indices Positions { get; }
    /// <summary>Where the rotary angles of all rows stand.</summary>
    public Indices Angles { get; }
    /// <summary>Each sequence's last row alone, as queries have them.</summary>
    public Ragged Last { get; }
    /// <summary>Which rows these are.</summary>
    public Indices LastRows { get; }
    /// <summary>Where their rotary angles stand.</summary>
    public Indices LastAngles { get; }

    /// <summary>The rows that a layer's queries have, and which keys each may see.</summary>
    public Ragged Queries(int l) => Rows.IsNarrow(l) ? Last : All;

    /// <summary>Where the rotary angles of a layer's queries stand.</summary>
    public Indices QueryAngles(int l) => Rows.IsNarrow(l) ? LastAngles : Angles;

    /// <summary>Of a matrix with all rows, those that layer <paramref name="l"/> goes on with: <paramref name="x"/> itself, or in <paramref name="last"/> each sequence's last.</summary>
    public Tensor Narrow(Device device, int l, Tensor x, Tensor last)
    {
        if (!Rows.IsNarrow(l)) return x;
        device.GatherRows(x, LastRows, 1, last);
        return last;
    }

    private static int[] Repeat(int[] values, int times)
    {
        var result = new int[values.Length * times];
        for (var i = 0; i < times; i++) values.CopyTo(result, i * values.Length);
        return result;
    }
}
