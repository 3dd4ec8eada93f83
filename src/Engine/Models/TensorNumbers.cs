using System.Runtime.InteropServices;

namespace Faith.Engine.Models;

/// <summary>The values of a tensor that is no weight, in whatever numbers it is stored.</summary>
internal static class TensorNumbers
{
    /// <summary>All elements in row-major order. Whoever asks has checked the shape.</summary>
    /// <exception cref="InputException">The encoding is not read, or it is of whole numbers or doubles that are not contiguous.</exception>
    internal static double[] Read(StoredTensor tensor)
    {
        var elements = checked((int)tensor.Shape.Aggregate(1L, (product, n) => checked(product * n)));
        if (tensor.IsReadable)
        {
            var values = new float[elements];
            tensor.Read(0, values);
            return Array.ConvertAll(values, value => (double)value);
        }
        if (!tensor.IsRowMajor) throw Bad("is not contiguous; save it with .contiguous()");
        var bytes = new byte[tensor.Bytes];
        tensor.File.ReadBytes(tensor.Offset, bytes);
        return tensor.TypeName switch
        {
            "F64" => MemoryMarshal.Cast<byte, double>(bytes).ToArray(),
            "I64" => Array.ConvertAll(MemoryMarshal.Cast<byte, long>(bytes).ToArray(), value => (double)value),
            "I32" => Array.ConvertAll(MemoryMarshal.Cast<byte, int>(bytes).ToArray(), value => (double)value),
            "BOOL" or "U8" => Array.ConvertAll(bytes, value => (double)value),
            _ => throw Bad($"is {tensor.TypeName}; numbers must be F32, F64, F16, BF16, I64, I32, U8 or BOOL"),
        };

        InputException Bad(string what) => new($"{tensor.File.Path}: {PlainText.Name(tensor.Name)} {what}");
    }
}
