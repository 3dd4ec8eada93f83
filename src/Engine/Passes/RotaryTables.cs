using System.Numerics;
using Faith.Engine.Models;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>The cosines and sines of a model's rotary embedding on a device, for as many positions as prompts have: a context can be far longer.</summary>
internal sealed class RotaryTables : IDisposable
{
    private const int FewestPositions = 64, ElementsAtOnce = 1 << 18;

    private readonly DeviceBuffer memory;

    /// <summary>Tables for at least <paramref name="positions"/>; rounded up, so that prompts that grow by a token make few of them.</summary>
    public RotaryTables(Device device, ModelConfig config, int positions)
    {
        var rotary = config.Rotary ?? throw new ArgumentException("the model has no rotary embedding", nameof(config));
        var half = rotary.Dimensions / 2;
        Positions = (int)Math.Min(config.Context, BitOperations.RoundUpToPowerOf2((uint)Math.Max(positions, FewestPositions)));
        var size = Arena.Measuring();
        Lay(size);
        memory = device.Allocate(size.Peak);
        Lay(new Arena(memory));
        var frequencies = new double[half];
        for (var i = 0; i < half; i++) frequencies[i] = RotaryFrequencies.Frequency(rotary, i);
        var step = Math.Clamp(ElementsAtOnce / half, 1, Positions);
        var (cosines, sines) = (new float[step * half], new float[step * half]);
        for (var first = 0; first < Positions; first += step)
        {
            var count = Math.Min(step, Positions - first);
            for (var p = 0; p < count; p++)
            {
                for (var i = 0; i < half; i++)
                {
                    var (sine, cosine) = Math.SinCos((first + p) * frequencies[i]);
                    (cosines[p * half + i], sines[p * half + i]) = ((float)cosine, (float)sine);
                }
            }
            device.Upload(cosines.AsSpan(0, count * half), Cosines.RowRange(first, count));
            device.Upload(sines.AsSpan(0, count * half), Sines.RowRange(first, count));
        }

        void Lay(Arena arena) => (Cosines, Sines) = (arena.Matrix(Positions, half), arena.Matrix(Positions, half));
    }

    /// <summary>Rows of the tables.</summary>
    public int Positions { get; }
    /// <summary>[positions × half of the columns that turn].</summary>
    public Tensor Cosines { get; private set; }
    /// <summary>Likewise.</summary>
    public Tensor Sines { get; private set; }
    /// <summary>Bytes of device memory.</summary>
    public long Bytes => memory.Bytes;

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();
}
