using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// Hands out a run's matrices from one allocation. A measuring arena has no memory behind it and only counts, so that the
/// very code that lays out a run also predicts its size.
/// </summary>
internal sealed class Arena
{
    private const int Alignment = 256;
    private readonly DeviceBuffer buffer;
    private long used;

    /// <summary>An arena over a buffer.</summary>
    public Arena(DeviceBuffer buffer) => this.buffer = buffer;

    /// <summary>An arena that counts only; its views must not be used.</summary>
    public static Arena Measuring() => new(new Nothing());

    /// <summary>Bytes that there are.</summary>
    public long Capacity => buffer.Bytes;

    /// <summary>The most bytes that were in use at a time.</summary>
    public long Peak { get; private set; }

    /// <summary>A dense matrix of undefined content.</summary>
    public Tensor Matrix(int rows, int columns) => new(buffer, Block((long)rows * columns), rows, columns);

    /// <summary>Memory for integers.</summary>
    public Indices Integers(int count) => new(buffer, Block(count), count);

    /// <summary>The current fill, for <see cref="Release"/>.</summary>
    public long Mark() => used;

    /// <summary>Gives back everything handed out since <paramref name="mark"/>.</summary>
    public void Release(long mark) => used = mark;

    // Elements of four bytes before a block of them.
    private long Block(long elements)
    {
        var at = used;
        used = checked(used + (sizeof(float) * elements + Alignment - 1) / Alignment * Alignment);
        if (used > Capacity) throw new InvalidOperationException($"arena of {Capacity} bytes is too small for {used}");
        Peak = Math.Max(Peak, used);
        return at / sizeof(float);
    }

    private sealed class Nothing() : DeviceBuffer(1, long.MaxValue)
    {
        protected override bool ReleaseHandle() => true;
    }
}
