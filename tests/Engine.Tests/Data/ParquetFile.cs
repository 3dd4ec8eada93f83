using Parquet.Serialization;

namespace Faith.Engine.Tests.Data;

/// <summary>Writes Parquet files for tests: a column a property, structs and lists as such.</summary>
public static class ParquetFile
{
    /// <summary>Writes rows, so many a row group.</summary>
    public static string Write<T>(string path, IEnumerable<T> rows, int? group = null) where T : class, new()
    {
        using var memory = new MemoryStream();
        ParquetSerializer.SerializeAsync(rows, memory, new() { RowGroupSize = group }).GetAwaiter().GetResult();
        File.WriteAllBytes(path, memory.ToArray());
        return path;
    }
}
