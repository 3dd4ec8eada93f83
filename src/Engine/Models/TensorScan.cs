using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Faith.Engine.Models;

/// <summary>Passes over the bytes of a checkpoint.</summary>
internal static class TensorScan
{
    /// <summary>Small enough to stay in the cache between the hash and the check; a multiple of every element's size.</summary>
    private const int ChunkBytes = 1 << 18, ChunkElements = ChunkBytes / sizeof(float);

    /// <summary>SHA-256 of a file in lower-case hex; on the way, the tensors that are <paramref name="used"/> must be finite.</summary>
    /// <exception cref="InputException">A used tensor holds a NaN or an infinity.</exception>
    internal static string HashAndCheck(TensorFile file, Func<StoredTensor, bool> used)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        var hashed = 0L;
        try
        {
            foreach (var tensor in file.Tensors)
            {
                if (tensor.IsRowMajor && tensor.Offset >= hashed)
                {
                    ForEachChunk(file, hashed, tensor.Offset - hashed, buffer, (chunk, _) => hash.AppendData(chunk));
                    var check = used(tensor);
                    ForEachChunk(file, tensor.Offset, tensor.Bytes, buffer, (chunk, position) =>
                    {
                        hash.AppendData(chunk);
                        if (check) CheckFinite(tensor, chunk, position);
                    });
                    hashed = tensor.Offset + tensor.Bytes;
                }
                else if (used(tensor))
                {
                    CheckFinite(tensor);
                }
            }
            ForEachChunk(file, hashed, file.Length - hashed, buffer, (chunk, _) => hash.AppendData(chunk));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Whether two tensors hold the same bytes in the same encoding.</summary>
    internal static bool Same(StoredTensor left, StoredTensor right)
    {
        if (left.Type != right.Type || left.Bytes != right.Bytes) return false;
        if (left.IsRowMajor && right.IsRowMajor && left.File == right.File && left.Offset == right.Offset) return true;
        var (a, b) = (new float[ChunkElements], new float[ChunkElements]);
        var elements = left.Bytes / left.ElementBytes;
        for (var position = 0L; position < elements; position += ChunkElements)
        {
            var count = (int)Math.Min(ChunkElements, elements - position);
            left.Read(position, a.AsSpan(0, count));
            right.Read(position, b.AsSpan(0, count));
            // Bits, as a NaN does not equal itself and -0 does 0.
            if (!MemoryMarshal.AsBytes(a.AsSpan(0, count)).SequenceEqual(MemoryMarshal.AsBytes(b.AsSpan(0, count)))) return false;
        }
        return true;
    }

    private static void ForEachChunk(TensorFile file, long offset, long length, byte[] buffer, Action<ReadOnlySpan<byte>, long> body)
    {
        for (var position = 0L; position < length; position += ChunkBytes)
        {
            var chunk = buffer.AsSpan(0, (int)Math.Min(ChunkBytes, length - position));
            file.ReadBytes(offset + position, chunk);
            body(chunk, position);
        }
    }

    private static void CheckFinite(StoredTensor tensor, ReadOnlySpan<byte> chunk, long position)
    {
        // All exponent bits set: infinity or NaN.
        var at = tensor.Type switch
        {
            ElementType.F32 => FirstWithAll(MemoryMarshal.Cast<byte, uint>(chunk), 0x7F800000u),
            ElementType.F16 => FirstWithAll(MemoryMarshal.Cast<byte, ushort>(chunk), (ushort)0x7C00),
            _ => FirstWithAll(MemoryMarshal.Cast<byte, ushort>(chunk), (ushort)0x7F80),
        };
        if (at >= 0) throw NotFinite(tensor, position / tensor.ElementBytes + at);
    }

    // Of a tensor whose elements do not follow each other, or whose bytes were hashed with another tensor's.
    private static void CheckFinite(StoredTensor tensor)
    {
        var values = new float[ChunkElements];
        var elements = tensor.Bytes / tensor.ElementBytes;
        for (var position = 0L; position < elements; position += ChunkElements)
        {
            var chunk = values.AsSpan(0, (int)Math.Min(ChunkElements, elements - position));
            tensor.Read(position, chunk);
            var at = FirstWithAll(MemoryMarshal.Cast<float, uint>(chunk), 0x7F800000u);
            if (at >= 0) throw NotFinite(tensor, position + at);
        }
    }

    private static InputException NotFinite(StoredTensor tensor, long element)
    {
        var value = new float[1];
        tensor.Read(element, value);
        var index = new long[tensor.Shape.Count];
        for (var axis = index.Length - 1; axis >= 0; axis--) (element, index[axis]) = Math.DivRem(element, tensor.Shape[axis]);
        var kind = float.IsNaN(value[0]) ? "not a number" : "infinite";
        return new InputException(
            $"{tensor.File.Path}: tensor {PlainText.Name(tensor.Name)} is {kind} at {Wording.Shape(index)}; weights must be finite");
    }

    /// <summary>Index of the first element that has all the bits of a mask, or −1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static int FirstWithAll<T>(ReadOnlySpan<T> values, T mask) where T : struct, IBinaryInteger<T>
    {
        var masks = new Vector<T>(mask);
        var i = 0;
        for (; i <= values.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            if (Vector.EqualsAny(new Vector<T>(values[i..]) & masks, masks)) break;
        }
        for (; i < values.Length; i++)
        {
            if ((values[i] & mask) == mask) return i;
        }
        return -1;
    }
}
