using Faith.Kernels;

namespace Faith.Engine.Tests.Oracle;

/// <summary>Parameters as plain float64 arrays; a matrix is an array of rows.</summary>
public static class LiteralMatrix
{
    /// <summary>The logical [Inputs × Outputs] matrix, however it is stored.</summary>
    public static double[][] Read(MatrixSource source)
    {
        var (rows, columns) = source.StoredTransposed ? (source.Outputs, source.Inputs) : (source.Inputs, source.Outputs);
        var stored = new float[rows * columns];
        source.ReadStoredRows(0, rows, stored);
        var matrix = stored.Chunk(columns).Select(Widen).ToArray();
        return source.StoredTransposed ? Transpose(matrix) : matrix;
    }

    /// <summary>Rows and columns exchanged.</summary>
    public static double[][] Transpose(double[][] matrix) =>
        Enumerable.Range(0, matrix[0].Length).Select(c => matrix.Select(row => row[c]).ToArray()).ToArray();

    /// <summary>Columns [start, start + count).</summary>
    public static double[][] Columns(double[][] matrix, int start, int count) =>
        Array.ConvertAll(matrix, row => row[start..(start + count)]);

    /// <summary>A vector in float64.</summary>
    public static double[] Widen(float[] vector) => Array.ConvertAll(vector, x => (double)x);

    /// <summary>A vector in float64; a missing one is zero.</summary>
    public static double[] WidenOrZero(float[]? vector, int length) => vector is null ? new double[length] : Widen(vector);

    /// <summary>A vector of ones.</summary>
    public static double[] Ones(int length)
    {
        var ones = new double[length];
        Array.Fill(ones, 1);
        return ones;
    }
}
