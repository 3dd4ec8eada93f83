using Faith.Engine.Ablations;

namespace Faith.Engine.Compatibility;

/// <summary>
/// What the EAP-IG library does in its own way inside a method (method.md §7): <see cref="Ablation.Mean"/> is one row for all nodes
/// (<see cref="LastTokenMean"/>); under means, differences go to the means while the path of eap-ig-activations goes to zero; the
/// score of an MLP, or of one of its neurons, takes the gradient at the MLP's input; and its losses are means over batches.
/// </summary>
/// <param name="Batch">The size of its batches, in the order of the data.</param>
internal sealed record LibraryQuirks(int Batch)
{
    /// <summary>The share of itself that an example counts: the mean over its batch is divided by the number of examples once more.</summary>
    public double Weight(int example, int examples) => 1.0 / Math.Min(Batch, examples - example / Batch * Batch);
}
