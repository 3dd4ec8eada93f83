namespace Faith.Engine.Models;

/// <summary>What of queries and keys is normed between projection and rotation; of the kind and with the ε of the other norms.</summary>
public enum QueryKeyNorm
{
    /// <summary>Nothing.</summary>
    None,
    /// <summary>Every head by itself, all heads of a layer with the same weights.</summary>
    Heads,
}
