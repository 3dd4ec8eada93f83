using Faith.Kernels.Host;

namespace Faith.Kernels.Validation;

/// <summary>The operands of an operation as one of two devices sees them.</summary>
internal interface IOperands
{
    /// <summary>A matrix.</summary>
    Tensor this[Tensor view] { get; }

    /// <summary>Integers.</summary>
    Indices this[Indices view] { get; }

    /// <summary>Weights.</summary>
    Weights this[Weights weights] { get; }
}

/// <summary>As the device sees them that is validated: where they are.</summary>
internal sealed class OwnOperands : IOperands
{
    public Tensor this[Tensor view] => view;
    public Indices this[Indices view] => view;
    public Weights this[Weights weights] => ((ValidatedWeights)weights).Own;
}

/// <summary>Weights on both devices.</summary>
internal sealed class ValidatedWeights(Weights own, Weights referees) : Weights(own.Inputs, own.Outputs)
{
    private double? largest;

    public Weights Own => own;
    public Weights Referees => referees;
    public override long Bytes => own.Bytes;

    /// <summary>The largest absolute value; NaN and infinities are passed over.</summary>
    public double Largest => largest ??= FindLargest();

    private unsafe double FindLargest()
    {
        var matrix = ((HostWeights)referees).Matrix;
        using var row = new HostBuffer(sizeof(float) * UnpackedPanel.RowFloats(matrix));
        double found = 0;
        for (var k = 0; k < matrix.Depth; k++)
        {
            UnpackedPanel.Row(matrix, k, row.Floats);
            foreach (var value in new Span<float>(row.Floats, matrix.Columns))
            {
                if (float.IsFinite(value)) found = Math.Max(found, Math.Abs(value));
            }
        }
        return found;
    }

    public override void Dispose()
    {
        own.Dispose();
        referees.Dispose();
    }
}
