namespace Faith.Kernels;

/// <summary>A vector of 32-bit integers in a device's memory: a view that owns nothing.</summary>
/// <param name="Buffer">The memory that it is a part of; null for none.</param>
/// <param name="Offset">Integers before the first one.</param>
/// <param name="Count">Number of integers.</param>
public readonly record struct Indices(DeviceBuffer? Buffer, long Offset, int Count)
{
    /// <summary>The view of integers [start, start + count).</summary>
    public Indices Range(int start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, Count);
        return this with { Offset = Offset + start, Count = count };
    }
}
