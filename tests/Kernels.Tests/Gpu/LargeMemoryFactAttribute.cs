namespace Faith.Kernels.Tests.Gpu;

/// <summary>A test of addresses that takes no memory but asks for much, which systems refuse beyond what the machine has.</summary>
internal sealed class LargeMemoryFactAttribute : FactAttribute
{
    /// <summary>What it asks for, at most.</summary>
    public const long Bytes = 17L << 30;

    public LargeMemoryFactAttribute()
    {
        if (GC.GetGCMemoryInfo().TotalAvailableMemoryBytes < Bytes) Skip = $"the machine has less memory than the {Bytes >> 30} GiB of addresses that this asks for";
    }
}
