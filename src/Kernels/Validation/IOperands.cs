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
    public Weights Own => own;
    public Weights Referees => referees;
    public override long Bytes => own.Bytes;

    public override void Dispose()
    {
        own.Dispose();
        referees.Dispose();
    }
}
