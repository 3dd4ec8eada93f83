namespace Faith.Engine.Tests.Oracle;

/// <summary>Everything that one forward pass computed.</summary>
/// <param name="Tape">How it was computed.</param>
/// <param name="Outputs">z_u [T × d] of every source u.</param>
/// <param name="Inputs">x_v [T × d] of every column v: the residual stream as v reads it, before its norm.</param>
/// <param name="Blocks">Where attention's output is normed: for each layer, what goes through the norm (all heads and b_O) and what joins the stream.</param>
/// <param name="Logits">[T × vocabulary].</param>
public sealed record LiteralRun(Tape Tape, IReadOnlyList<Value> Outputs, IReadOnlyList<Value> Inputs, IReadOnlyList<Value> Blocks, Value Logits)
{
    /// <summary>The logits of the last position.</summary>
    public double[] LastLogits => Logits.Row(Logits.Rows - 1);
}
