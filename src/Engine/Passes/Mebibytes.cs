namespace Faith.Engine.Passes;

/// <summary>Sizes of memory in messages.</summary>
internal static class Mebibytes
{
    /// <summary>A number of bytes as "1152 MiB", below 10 MiB with three decimals: there whole ones would make small sizes equal.</summary>
    public static string Of(long bytes) => bytes >= 10 << 20 ? $"{bytes >> 20} MiB" : $"{bytes / (double)(1 << 20):0.###} MiB";
}
