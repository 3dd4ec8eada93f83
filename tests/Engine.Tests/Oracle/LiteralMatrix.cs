using Faith.Kernels;

namespace Faith.Engine.Tests.Oracle;

/// <summary>Parameters as plain float64 arrays.</summary>
public static class LiteralMatrix
{
    /// <summary>The logical [Inputs × Outputs] matrix, however it is stored.</summary>
    public static double[,] Read(MatrixSource source)
    {
        var (rows, columns) = source.StoredTransposed ? (source.Outputs, source.Inputs) : (source.Inputs, source.Outputs);
        var stored = new float[rows * columns];
        source.ReadStoredRows(0, rows, stored);
        var matrix = new double[rows, columns];
        for (var r = 0; r < rows; r++)
        {
            for (var c = 0; c < columns; c++) matrix[r, c] = stored[r * columns + c];
        }
        return source.StoredTransposed ? Transpose(matrix) : matrix;
    }

    /// <summary>Rows and columns exchanged.</summary>
    public static double[,] Transpose(double[,] matrix)
    {
        var result = new double[matrix.GetLength(1), matrix.GetLength(0)];
        for (var r = 0; r < result.GetLength(0); r++)
        {
            for (var c = 0; c < result.GetLength(1); c++) result[r, c] = matrix[c, r];
        }
        return result;
    }

    /// <summary>Columns [start, start + count).</summary>
    public static double[,] Columns(double[,] matrix, int start, int count)
    {
        var result = new double[matrix.GetLength(0), count];
        for (var r = 0; r < result.GetLength(0); r++)
        {
            for (var c = 0; c < count; c++) result[r, c] = matrix[r, start + c];
        }
        return result;
    }

    /// <summary>Rows [start, start + count).</summary>
    public static double[,] Rows(double[,] matrix, int start, int count) => Transpose(Columns(Transpose(matrix), start, count));

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
