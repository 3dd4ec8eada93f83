using System.Runtime.InteropServices;

namespace Faith.Engine.Circuits;

/// <summary>Lists of numbers are equal when their elements are.</summary>
internal sealed class ListComparer : IEqualityComparer<int[]>
{
    public static readonly ListComparer Instance = new();

    public bool Equals(int[]? a, int[]? b) => a.AsSpan().SequenceEqual(b);

    public int GetHashCode(int[] list)
    {
        var hash = new HashCode();
        hash.AddBytes(MemoryMarshal.AsBytes(list.AsSpan()));
        return hash.ToHashCode();
    }
}
