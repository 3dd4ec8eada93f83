namespace Faith.Kernels.Host;

/// <summary>One growing block of memory a thread, so that operations allocate nothing once the largest shape has been seen.</summary>
internal sealed unsafe class Scratch(int threads) : IDisposable
{
    readonly HostBuffer?[] blocks = new HostBuffer?[threads];

    /// <summary>At least <paramref name="floats"/> floats for this thread, with whatever was left in them.</summary>
    public float* Reserve(int thread, long floats)
    {
        var bytes = checked(floats * sizeof(float));
        if (blocks[thread] is { } block && block.Bytes >= bytes) return block.Floats;
        blocks[thread]?.Dispose();
        blocks[thread] = null;
        return (blocks[thread] = new HostBuffer(bytes + bytes / 4)).Floats;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var block in blocks) block?.Dispose();
    }
}
