namespace Faith.Engine.Passes;

/// <summary>How a gradient goes back through the softmax of attention.</summary>
public enum PatternRule
{
    /// <summary>By its derivative.</summary>
    Derivative,
    /// <summary>Not at all: the pattern counts as constant, and queries and keys have no gradient.</summary>
    Constant,
    /// <summary>
    /// By the derivative of a softmax at temperature T = 2 without its factor 1/T: ds = t⊙(g − ⟨g, t⟩), t = softmax(s/T), for the scores s (Edin et al. 2025,
    /// arXiv 2505.17630).
    /// </summary>
    Softened,
}
