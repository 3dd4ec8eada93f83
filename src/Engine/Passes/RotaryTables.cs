using System.Numerics;
using Faith.Engine.Models;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// The angles of a model's rotary embeddings on a device, for as many positions as prompts have: a context can be far longer. Layers with the same
/// embedding share a table. Where long prompts have other angles, every position has two rows, and a prompt reads either the first or the second of each.
/// </summary>
internal sealed class RotaryTables : IDisposable
{
    private const int FewestPositions = 64, ElementsAtOnce = 1 << 18;

    private readonly DeviceBuffer memory;
    private readonly Dictionary<RotaryConfig, RotaryAngles> tables = [];

    /// <summary>Tables for at least <paramref name="positions"/>; rounded up, so that prompts that grow by a token make few of them.</summary>
    public RotaryTables(Device device, ModelConfig config, int positions)
    {
        Positions = RoundUp(config, positions);
        var rows = Row(config.LongBeyond is not null, Positions, isLong: false);
        var rotaries = config.Rotary?.Values.OfType<RotaryConfig>().Distinct().ToArray() ?? [];
        var size = Arena.Measuring();
        Lay(size);
        memory = device.Allocate(size.Peak);
        Lay(new Arena(memory));
        foreach (var rotary in rotaries) Fill(device, config.LongBeyond is not null, rotary, tables[rotary]);

        void Lay(Arena arena)
        {
            foreach (var rotary in rotaries)
            {
                var pairs = rotary.Dimensions / 2;
                tables[rotary] = new(arena.Matrix(rows, pairs), arena.Matrix(rows, pairs), rotary.Interleaved);
            }
        }
    }

    /// <summary>How many positions tables have that are to hold some at least.</summary>
    public static int RoundUp(ModelConfig config, int positions) => (int)Math.Min(config.Context, BitOperations.RoundUpToPowerOf2((uint)Math.Max(positions, FewestPositions)));

    /// <summary>Positions that the tables have.</summary>
    public int Positions { get; }
    /// <summary>Bytes of device memory.</summary>
    public long Bytes => memory.Bytes;

    /// <summary>The angles of an embedding of the model.</summary>
    public RotaryAngles Of(RotaryConfig rotary) => tables[rotary];

    /// <summary>Where the angles of a position stand.</summary>
    /// <param name="twice">Whether every position has two rows: the model has a <see cref="ModelConfig.LongBeyond"/>.</param>
    /// <param name="position">The position.</param>
    /// <param name="isLong">Whether the prompt is longer than that.</param>
    public static int Row(bool twice, int position, bool isLong) => twice ? checked(2 * position + (isLong ? 1 : 0)) : position;

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();

    private static void Fill(Device device, bool twice, RotaryConfig rotary, RotaryAngles table)
    {
        var (pairs, kinds) = (table.Cosines.Columns, twice ? 2 : 1);
        var frequencies = new double[kinds][];
        for (var kind = 0; kind < kinds; kind++) frequencies[kind] = [.. Enumerable.Range(0, pairs).Select(i => rotary.Frequency(i, isLong: kind == 1))];
        var step = Math.Clamp(ElementsAtOnce / pairs, 1, table.Cosines.Rows);
        var (cosines, sines) = (new float[step * pairs], new float[step * pairs]);
        for (var first = 0; first < table.Cosines.Rows; first += step)
        {
            var count = Math.Min(step, table.Cosines.Rows - first);
            for (var r = 0; r < count; r++)
            {
                var (position, kind) = Math.DivRem(first + r, kinds);
                for (var i = 0; i < pairs; i++)
                {
                    var (sine, cosine) = Math.SinCos(position * frequencies[kind][i]);
                    (cosines[r * pairs + i], sines[r * pairs + i]) = ((float)(rotary.Amplitude * cosine), (float)(rotary.Amplitude * sine));
                }
            }
            device.Upload(cosines.AsSpan(0, count * pairs), table.Cosines.RowRange(first, count));
            device.Upload(sines.AsSpan(0, count * pairs), table.Sines.RowRange(first, count));
        }
    }
}

/// <summary>cos and sin of the angles of a rotary embedding, times its amplitude.</summary>
/// <param name="Cosines">[rows × pairs].</param>
/// <param name="Sines">Likewise.</param>
/// <param name="Interleaved">Whether neighbouring columns are a pair.</param>
internal readonly record struct RotaryAngles(Tensor Cosines, Tensor Sines, bool Interleaved)
{
    /// <summary>y = heads of x turned by the angles at <paramref name="rows"/>, or with <paramref name="inverse"/> the gradient of that; y may be x.</summary>
    public void Rotate(Device device, Tensor x, Indices rows, int headDim, bool inverse, Tensor y) =>
        device.Rotary(x, rows, Cosines, Sines, headDim, Interleaved, inverse, y);
}
