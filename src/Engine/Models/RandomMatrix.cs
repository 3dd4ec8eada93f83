using System.Numerics;
using System.Runtime.CompilerServices;
using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>
/// A matrix of pseudo-random numbers that is stored nowhere: every element is a hash of the seed, its row and its column, so that
/// any rows can be made at any time, in any order, with the same result everywhere.
/// Its distribution is symmetric, nearly normal, with standard deviation 0.018, and every value is exact in bfloat16.
/// </summary>
internal sealed class RandomMatrix(ulong seed, int inputs, int outputs, bool storedTransposed, WeightPrecision precision) : MatrixSource
{
    // The values below are whole numbers of standard deviation √(4·(128² − 1)/12) ≈ 73.9.
    private const float Unit = 1f / 4096;

    /// <inheritdoc/>
    public override int Inputs => inputs;
    /// <inheritdoc/>
    public override int Outputs => outputs;
    /// <inheritdoc/>
    public override bool StoredTransposed => storedTransposed;
    /// <inheritdoc/>
    public override WeightPrecision Precision => precision;

    /// <inheritdoc/>
    public override void ReadStoredRows(int start, int count, Span<float> destination)
    {
        var (rows, width) = storedTransposed ? (outputs, inputs) : (inputs, outputs);
        if (start < 0 || count < 0 || count > rows - start)
        {
            throw new ArgumentOutOfRangeException(nameof(start), $"rows {start} to {(long)start + count} of {rows}");
        }
        destination = destination[..checked(count * width)];
        for (var row = 0; row < count; row++) Fill(seed, start + row, destination.Slice(row * width, width));
    }

    /// <summary>One row of the matrix that a seed stands for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Fill(ulong seed, int row, Span<float> destination)
    {
        var start = (uint)(Mix(seed + 0x9E3779B97F4A7C15 * ((ulong)row + 1)) >> 32);
        var i = 0;
        for (; i <= destination.Length - Vector<uint>.Count; i += Vector<uint>.Count)
        {
            var hash = Mix(new Vector<uint>(start + (uint)i * Step) + Vector<uint>.Indices * Step);
            // Four numbers of 7 bits: two added, two subtracted.
            var sums = (hash & new Vector<uint>(0x007F007F)) + ((hash >> 8) & new Vector<uint>(0x007F007F));
            var value = (sums & new Vector<uint>(0xFFFF)).As<uint, int>() - (sums >> 16).As<uint, int>();
            (Vector.ConvertToSingle(value) * Unit).CopyTo(destination[i..]);
        }
        for (; i < destination.Length; i++)
        {
            var hash = Mix(start + (uint)i * Step);
            var sums = (hash & 0x007F007F) + ((hash >> 8) & 0x007F007F);
            destination[i] = ((int)(sums & 0xFFFF) - (int)(sums >> 16)) * Unit;
        }
    }

    /// <summary>2^32 divided by the golden ratio: neighbouring columns land far apart.</summary>
    private const uint Step = 0x9E3779B9;

    // Multiply-xorshift finalisers: every bit of the input reaches every bit of the result.
    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    private static uint Mix(uint value)
    {
        value = (value ^ (value >> 16)) * 0x7FEB352D;
        value = (value ^ (value >> 15)) * 0x846CA68B;
        return value ^ (value >> 16);
    }

    private static Vector<uint> Mix(Vector<uint> value)
    {
        value = (value ^ (value >> 16)) * new Vector<uint>(0x7FEB352D);
        value = (value ^ (value >> 15)) * new Vector<uint>(0x846CA68B);
        return value ^ (value >> 16);
    }
}
