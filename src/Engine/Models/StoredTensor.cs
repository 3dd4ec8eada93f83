using System.Runtime.InteropServices;
using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>A tensor inside a <see cref="TensorFile"/>; its values stay in the file until they are read.</summary>
public sealed class StoredTensor
{
    private const int ChunkElements = 8192;

    private readonly StridedBytes? strided;

    /// <summary>A tensor of a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="entry">What it is and where.</param>
    /// <param name="dataStart">What its offsets count from.</param>
    /// <param name="strides">How many elements the next one of each dimension is away, where the elements do not follow each other row by row.</param>
    /// <param name="along">The dimensions along which the strides lead; the tensor's own unless given.</param>
    internal StoredTensor(TensorFile file, TensorEntry entry, long dataStart, long[]? strides = null, long[]? along = null)
    {
        File = file;
        Name = entry.Name;
        Type = entry.Type;
        TypeName = entry.TypeName;
        Shape = entry.Shape;
        Offset = dataStart + entry.Begin;
        Bytes = entry.End - entry.Begin;
        if (strides is not null) strided = new(this, along ?? entry.Shape, strides);
    }

    /// <summary>The file it lies in.</summary>
    public TensorFile File { get; }
    /// <summary>Its name in the file.</summary>
    public string Name { get; }
    /// <summary>Encoding of its elements.</summary>
    public ElementType Type { get; }
    /// <summary>The file's name of the encoding.</summary>
    public string TypeName { get; }
    /// <summary>Its dimensions, row-major.</summary>
    public IReadOnlyList<long> Shape { get; }
    /// <summary>Its first byte in the file.</summary>
    public long Offset { get; }
    /// <summary>The size of its elements.</summary>
    public long Bytes { get; }
    /// <summary>Whether the elements follow each other in the file, row by row.</summary>
    internal bool IsRowMajor => strided is null;

    /// <summary>Whether <see cref="Read"/> knows the encoding.</summary>
    public bool IsReadable => Type != ElementType.Other;
    /// <summary>The precision that holds its elements exactly.</summary>
    internal WeightPrecision Precision => Type switch { ElementType.F16 => WeightPrecision.Float16, ElementType.BF16 => WeightPrecision.BFloat16, _ => WeightPrecision.Float32 };
    /// <summary>Bytes of one element; 0 when not readable.</summary>
    internal int ElementBytes => Type switch { ElementType.F32 => 4, ElementType.F16 or ElementType.BF16 => 2, _ => 0 };

    /// <summary>destination[i] = element first + i, widened to float32. Safe to call from several threads.</summary>
    /// <exception cref="InputException">The encoding is not F32, F16 or BF16.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the tensor.</exception>
    public void Read(long first, Span<float> destination)
    {
        if (!IsReadable)
        {
            throw new InputException($"{File.Path}: tensor {PlainText.Name(Name)} is {TypeName}; weights must be F32, F16 or BF16");
        }
        var elements = Bytes / ElementBytes;
        if (first < 0 || first > elements || destination.Length > elements - first)
        {
            throw new ArgumentOutOfRangeException(nameof(first), $"elements {first} to {first + destination.Length} of {elements}");
        }
        var buffer = Type == ElementType.F32 ? [] : stackalloc ushort[ChunkElements];
        while (destination.Length > 0)
        {
            // A span of bytes holds less than 2^31 of them, so single precision is read in pieces too.
            var count = Math.Min(destination.Length, Type == ElementType.F32 ? 1 << 24 : ChunkElements);
            if (Type == ElementType.F32)
            {
                ReadElements(first, MemoryMarshal.AsBytes(destination[..count]));
            }
            else
            {
                ReadElements(first, MemoryMarshal.AsBytes(buffer[..count]));
                if (Type == ElementType.F16) Widening.Half(buffer[..count], destination);
                else Widening.BFloat16(buffer[..count], destination);
            }
            destination = destination[count..];
            first += count;
        }
    }
    /// <summary>The same elements with their dimensions in another order, and some of these run together.</summary>
    /// <param name="axes">Which dimension comes first, second, ….</param>
    /// <param name="shape">The new dimensions.</param>
    internal StoredTensor Permuted(int[] axes, params long[] shape)
    {
        var (lengths, strides) = strided is null ? ([.. Shape], StridedBytes.RowMajor(Shape)) : (strided.Shape, strided.Strides);
        var (along, steps) = (Array.ConvertAll(axes, axis => lengths[axis]), Array.ConvertAll(axes, axis => strides[axis]));
        return new(File, new(Name, Type, TypeName, shape, Offset, Offset + Bytes), 0, StridedBytes.IsRowMajor(along, steps) ? null : steps, along);
    }

    private void ReadElements(long first, Span<byte> destination)
    {
        if (strided is null) File.ReadBytes(Offset + first * ElementBytes, destination);
        else strided.Read(first, destination);
    }
}
