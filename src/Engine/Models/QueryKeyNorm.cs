namespace Faith.Engine.Models;

/// <summary>What of queries and keys is normed between projection and rotation; of the kind and with the ε of the other norms.</summary>
public enum QueryKeyNorm
{
    /// <summary>Nothing.</summary>
    None,
    /// <summary>Every head by itself, all heads of a layer with the same weights.</summary>
    Heads,
    /// <summary>Every head by itself and with weights of its own (StableLM).</summary>
    OwnHeads,
    /// <summary>The queries of all heads of a layer as one row, and the keys, each column with a weight of its own (OLMo 2).</summary>
    Layer,
}
