using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// Hands out a run's matrices from one allocation. A measuring arena has no memory behind it and only counts, so that the
/// very code that lays out a run also predicts its size.
/// </summary>
internal sealed class Arena
{
    private const int Alignment = 256;
    private readonly nint start;
    private readonly long capacity;
    private long used;

    private Arena(nint start, long capacity)
    {
        this.start = start;
        this.capacity = capacity;
    }

    /// <summary>An arena over a buffer.</summary>
    public Arena(DeviceBuffer buffer) : this(buffer.Address, buffer.Bytes) { }

    /// <summary>An arena that counts only; its views must not be used.</summary>
    public static Arena Measuring() => new(Alignment, long.MaxValue);

    /// <summary>Bytes that there are.</summary>
    public long Capacity => capacity;

    /// <summary>The most bytes that were in use at a time.</summary>
    public long Peak { get; private set; }

    /// <summary>A dense matrix of undefined content.</summary>
    public Tensor Matrix(int rows, int columns) => new(Block((long)rows * columns * sizeof(float)), rows, columns);

    /// <summary>Memory for integers.</summary>
    public nint Integers(long count) => Block(count * sizeof(int));

    /// <summary>A block of bytes.</summary>
    public nint Block(long bytes)
    {
        var at = used;
        used = checked(used + (bytes + Alignment - 1) / Alignment * Alignment);
        if (used > capacity) throw new InvalidOperationException($"arena of {capacity} bytes is too small for {used}");
        Peak = Math.Max(Peak, used);
        return checked((nint)(start + at));
    }

    /// <summary>The current fill, for <see cref="Release"/>.</summary>
    public long Mark() => used;

    /// <summary>Gives back everything handed out since <paramref name="mark"/>.</summary>
    public void Release(long mark) => used = mark;
}
