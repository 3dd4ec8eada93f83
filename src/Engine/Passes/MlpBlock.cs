using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// The MLP of a layer (method.md §8), forwards and backwards: y = N_in(x); o = W_down·φ(W_up·y + b_up) + b_down, of a gated one
/// φ(gate)⊙up in the place of φ(up). What it puts out, as all others see it, is N_post(o).
/// </summary>
internal readonly struct MlpBlock(Transformer model, int l)
{
    private TransformerLayer Weights => model.Layers[l];

    /// <summary>The norm before it.</summary>
    public Norm Norm => Weights.MlpNorm;

    /// <summary>Norm of the stream, into the pass's memory for it.</summary>
    public void Normalise(Activations run, Tensor x)
    {
        var a = run.Layers[l];
        if (!a.KeptMlpStream.IsNone) model.Device.Copy(x, a.KeptMlpStream);
        Norm.Forward(x, run.Normed.All.RowRange(0, x.Rows), a.MlpXHat, a.MlpInverseSigma);
    }

    /// <summary>The output [rows × d] of what <see cref="Normalise"/> left.</summary>
    public Tensor Output(Activations run, int rows)
    {
        var output = run.BlockOutput.RowRange(0, rows);
        var a = run.Layers[l];
        Output(run.Rule, run.Normed.All.RowRange(0, rows), a.Gate, run.Hidden.RowRange(0, rows), output, a.MlpOutputXHat, a.MlpOutputInverseSigma);
        return output;
    }

    /// <summary>
    /// o = the output of what the norm put out. <paramref name="gate"/>: gate and up of a gated MLP, or what a backward pass needs of φ, or none;
    /// <paramref name="xHat"/> and <paramref name="inverseSigma"/>: what it needs of the norm of the output, or none.
    /// </summary>
    public void Output(GradientRule rule, Tensor normed, Tensor gate, Tensor hidden, Tensor o, Tensor xHat = default, Tensor inverseSigma = default)
    {
        var (up, other) = model.Config.Gated ? (gate, hidden) : (hidden, gate);
        model.Device.Multiply(Weights.Up, WeightSide.Forward, normed, up, Weights.UpBias, then: new(EpilogueKind.Activate, Activation(rule), other));
        model.Device.Multiply(Weights.Down, WeightSide.Forward, hidden, o, Weights.DownBias);
        if (!Weights.MlpOutputNorm.IsNone) Weights.MlpOutputNorm.Forward(o, o, xHat, inverseSigma);
    }

    /// <summary>The gradient at the stream that the MLP reads, of one at its output. <paramref name="gate"/> is overwritten where the MLP is gated.</summary>
    public Tensor Backward(GradientRule rule, LayerActivations a, Tensor gate, Tensor go, BackwardBuffers buffers)
    {
        var (hidden, normed, gx) = (buffers.Hidden.RowRange(0, go.Rows), buffers.Normed.All.RowRange(0, go.Rows), buffers.Block.RowRange(0, go.Rows));
        if (!Weights.MlpOutputNorm.IsNone)
        {
            Weights.MlpOutputNorm.Backward(go, a.MlpOutputXHat, a.MlpOutputInverseSigma, add: false, normed);
            go = normed;
        }
        model.Device.Multiply(Weights.Down, WeightSide.Transposed, go, hidden, then: new(EpilogueKind.Backward, Activation(rule), gate));
        model.Device.Multiply(Weights.Up, WeightSide.Transposed, model.Config.Gated ? gate : hidden, normed);
        Norm.Backward(normed, a.MlpXHat, a.MlpInverseSigma, add: false, gx);
        // Half for either factor is half of all: what follows is linear.
        if (model.Config.Gated && rule.HalvesGate) model.Device.Scale(gx, 0.5f);
        return gx;
    }

    private Activation Activation(GradientRule rule) => new(model.Config.Activation, model.Config.Gated, rule.Slope);
}
