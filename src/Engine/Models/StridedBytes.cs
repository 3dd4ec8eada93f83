using System.Runtime.InteropServices;

namespace Faith.Engine.Models;

/// <summary>
/// The elements of a tensor that do not follow each other in the file, such as those of a transposed one. The bytes that they are spread over are
/// read at once and kept as long as the collector leaves them: reading single elements would ask the system for each.
/// </summary>
/// <param name="tensor">The tensor.</param>
/// <param name="shape">The dimensions along which the strides lead; the tensor's own may be these run together.</param>
/// <param name="strides">Elements to the next one along each dimension, at least 0.</param>
internal sealed class StridedBytes(StoredTensor tensor, long[] shape, long[] strides)
{
    private readonly WeakReference<byte[]?> kept = new(null);
    private readonly Lock reading = new();

    /// <summary>The dimensions along which the strides lead.</summary>
    internal long[] Shape => shape;
    /// <summary>Elements to the next one along each dimension.</summary>
    internal long[] Strides => strides;

    /// <summary>The strides of elements that follow each other row by row.</summary>
    internal static long[] RowMajor(IReadOnlyList<long> shape)
    {
        var strides = new long[shape.Count];
        var step = 1L;
        for (var axis = strides.Length - 1; axis >= 0; axis--)
        {
            strides[axis] = step;
            step *= shape[axis];
        }
        return strides;
    }

    /// <summary>Whether elements follow each other row by row.</summary>
    internal static bool IsRowMajor(long[] shape, long[] strides)
    {
        var expected = RowMajor(shape);
        return shape.Contains(0) || Enumerable.Range(0, shape.Length).All(axis => shape[axis] == 1 || strides[axis] == expected[axis]);
    }

    /// <summary>Copies elements in row-major order from the element <paramref name="first"/> on.</summary>
    /// <exception cref="InputException">They are spread over more bytes than can be read at once.</exception>
    internal void Read(long first, Span<byte> destination)
    {
        switch (tensor.ElementBytes)
        {
            case 4: Gather(first, MemoryMarshal.Cast<byte, uint>(destination)); break;
            default: Gather(first, MemoryMarshal.Cast<byte, ushort>(destination)); break;
        }
    }

    private void Gather<T>(long first, Span<T> destination) where T : unmanaged
    {
        if (destination.IsEmpty) return;
        var source = MemoryMarshal.Cast<byte, T>(Bytes());
        var index = new long[shape.Length];
        var at = 0L;
        for (var axis = index.Length - 1; axis >= 0; axis--)
        {
            (first, index[axis]) = Math.DivRem(first, shape[axis]);
            at += index[axis] * strides[axis];
        }
        for (var i = 0; i < destination.Length; i++)
        {
            destination[i] = source[(int)at];
            // The next element: the last dimension goes on, and where it is at its end the one before it.
            for (var axis = index.Length - 1; axis >= 0; axis--)
            {
                at += strides[axis];
                if (++index[axis] < shape[axis]) break;
                at -= index[axis] * strides[axis];
                index[axis] = 0;
            }
        }
    }

    private byte[] Bytes()
    {
        using var _ = reading.EnterScope();
        if (kept.TryGetTarget(out var bytes)) return bytes;
        Int128 elements = 1;
        for (var axis = 0; axis < strides.Length; axis++) elements += (Int128)(shape[axis] - 1) * strides[axis];
        var length = elements * tensor.ElementBytes;
        if (length > Array.MaxLength)
        {
            throw new InputException($"{tensor.File.Path}: tensor {PlainText.Name(tensor.Name)} is not contiguous and spread over {length} bytes, which are too many; save it with .contiguous()");
        }
        bytes = new byte[(int)length];
        tensor.File.ReadBytes(tensor.Offset, bytes);
        kept.SetTarget(bytes);
        return bytes;
    }
}
