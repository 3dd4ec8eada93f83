using Parquet.Serialization;

namespace Faith.Engine.Tests.Data;

/// <summary>Writes Parquet files for tests: a column a property, structs and lists as such.</summary>
public static class ParquetFile
{
    /// <summary>The bytes of a file of rows, so many a row group.</summary>
    public static byte[] Bytes<T>(IEnumerable<T> rows, int? group = null) where T : class, new()
    {
        using var memory = new MemoryStream();
        ParquetSerializer.SerializeAsync(rows, memory, new() { RowGroupSize = group }).GetAwaiter().GetResult();
        return memory.ToArray();
    }

    /// <summary>Writes rows, so many a row group.</summary>
    public static string Write<T>(string path, IEnumerable<T> rows, int? group = null) where T : class, new()
    {
        File.WriteAllBytes(path, Bytes(rows, group));
        return path;
    }
}
