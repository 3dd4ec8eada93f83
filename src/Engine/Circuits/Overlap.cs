namespace Faith.Engine.Circuits;

/// <summary>How two sets share members.</summary>
/// <param name="Found">Size of the first set.</param>
/// <param name="Reference">Size of the second set.</param>
/// <param name="Shared">Members of both.</param>
public readonly record struct Overlap(int Found, int Reference, int Shared)
{
    /// <summary>Shared / all members of either; 1 for two empty sets.</summary>
    public double Jaccard => Ratio(Found + Reference - Shared);
    /// <summary>Shared / found; 1 when nothing was found.</summary>
    public double Precision => Ratio(Found);
    /// <summary>Shared / reference; 1 when there is nothing to find.</summary>
    public double Recall => Ratio(Reference);

    private double Ratio(int of) => of == 0 ? 1 : (double)Shared / of;
}
