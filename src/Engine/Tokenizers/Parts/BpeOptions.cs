namespace Faith.Engine.Tokenizers.Parts;

/// <summary>How a byte-pair model treats the parts of a word.</summary>
internal sealed record BpeOptions
{
    /// <summary>Token of characters without one of their own; null: they are dropped.</summary>
    public string? UnknownToken { get; init; }

    /// <summary>Whether a run of unknown characters is one token.</summary>
    public bool FuseUnknown { get; init; }

    /// <summary>Whether unknown characters become the tokens &lt;0x00&gt; … &lt;0xFF&gt; of their bytes.</summary>
    public bool ByteFallback { get; init; }

    /// <summary>Put before every character of a word but the first.</summary>
    public string ContinuingPrefix { get; init; } = "";

    /// <summary>Put after the last character of a word.</summary>
    public string EndSuffix { get; init; } = "";

    /// <summary>Whether a word that is a token is taken whole, whatever the merges.</summary>
    public bool IgnoreMerges { get; init; }
}
