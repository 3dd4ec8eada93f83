namespace Faith.Kernels;

/// <summary>
/// A weight matrix W [Inputs × Outputs] on a device, in whatever packed form its kernels want. It is held once: the forward pass
/// multiplies by W, the backward pass by Wᵀ.
/// </summary>
public abstract class Weights(int inputs, int outputs) : IDisposable
{
    /// <summary>Rows of W.</summary>
    public int Inputs { get; } = inputs;

    /// <summary>Columns of W.</summary>
    public int Outputs { get; } = outputs;

    /// <summary>Bytes of device memory held.</summary>
    public abstract long Bytes { get; }

    /// <inheritdoc/>
    public abstract void Dispose();
}

/// <summary>What a product multiplies by.</summary>
public enum WeightSide
{
    /// <summary>x·W.</summary>
    Forward,
    /// <summary>x·Wᵀ.</summary>
    Transposed,
}
