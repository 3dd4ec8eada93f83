namespace Faith.Engine.Tests.Oracle;

/// <summary>A [Rows × Columns] matrix of float64 numbers, with the derivative of the loss by each (see <see cref="Tape"/>).</summary>
public sealed class Value(int rows, int columns)
{
    /// <summary>Number of rows (positions of the prompt).</summary>
    public int Rows { get; } = rows;
    /// <summary>Number of columns.</summary>
    public int Columns { get; } = columns;
    /// <summary>The numbers, row by row.</summary>
    public double[] Data { get; } = new double[rows * columns];
    /// <summary>∂loss/∂number, row by row; zero until <see cref="Tape.Backward"/> has run.</summary>
    public double[] Gradient { get; } = new double[rows * columns];

    /// <summary>One number.</summary>
    public double this[int row, int column]
    {
        get => Data[row * Columns + column];
        set => Data[row * Columns + column] = value;
    }

    /// <summary>The numbers of one row.</summary>
    public double[] Row(int row) => Data[(row * Columns)..((row + 1) * Columns)];
}
