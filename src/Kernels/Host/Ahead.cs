namespace Faith.Kernels.Host;

/// <summary>Memory that a kernel brings into the cache line by line while it computes, because it is read next and not from front to back.</summary>
internal readonly unsafe struct Ahead(void* address, nint step = 0, nint jump = 0)
{
    /// <summary>Lines in a row.</summary>
    public const int Lines = 32;

    /// <summary>The first line.</summary>
    public readonly byte* Address = (byte*)address;

    /// <summary>Bytes from one line to the next.</summary>
    public readonly nint Step = step;

    /// <summary>Bytes from the end of <see cref="Lines"/> lines to the next ones.</summary>
    public readonly nint Jump = jump;
}
