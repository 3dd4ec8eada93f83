namespace Faith.Engine.Tests.Oracle;

/// <summary>How edges are scored (method.md §2).</summary>
public enum OracleMethod
{
    /// <summary>Gradient at the clean run.</summary>
    Eap,
    /// <summary>Gradient averaged on the way from the ablated to the clean embedding.</summary>
    EapIg,
    /// <summary>Gradient averaged on the ways of the outputs of one source layer after another.</summary>
    EapIgActivations,
    /// <summary>Mean of the gradients at both ends of that way.</summary>
    CleanCorrupted,
    /// <summary>The loss with the edge ablated, minus the loss of the full model.</summary>
    Exact,
    /// <summary>GradDrop: the mean magnitude over gradients of which each leaves out one layer.</summary>
    GradDrop,
    /// <summary>EAP, but where an edge leads into queries or keys the head's output is computed with it ablated.</summary>
    QkFix,
    /// <summary>Information flow routes.</summary>
    InformationFlowRoutes,
}

/// <summary>Which points of the way from the ablated (α = 0) to the clean run (α = 1) stand for all of it.</summary>
public enum OracleRule
{
    /// <summary>α = k/m, k = 0 … m−1.</summary>
    Left,
    /// <summary>α = k/m, k = 1 … m.</summary>
    Right,
    /// <summary>α = (k + ½)/m, k = 0 … m−1.</summary>
    Midpoint,
    /// <summary>α = k/m, k = 0 … m, the two ends with half the weight: m intervals, m + 1 points.</summary>
    Trapezoid,
    /// <summary>The m points that integrate polynomials of degree 2m−1 exactly.</summary>
    GaussLegendre,
}

/// <summary>What is measured at the last position.</summary>
public enum OracleMetric
{
    /// <summary>Mean logit of the answers minus mean logit of the distractors.</summary>
    LogitDiff,
    /// <summary>Sum of the answers' probabilities minus sum of the distractors'.</summary>
    ProbDiff,
    /// <summary>Mean log-probability of the answers.</summary>
    LogProb,
    /// <summary>KL(clean run ‖ this run), averaged over the vocabulary.</summary>
    Kl,
    /// <summary>Jensen–Shannon divergence of the clean run and this run, averaged over the vocabulary.</summary>
    Js,
}

/// <summary>What stands for the output of a source that is ablated.</summary>
public enum OracleAblation
{
    /// <summary>Its output on the corrupted prompt.</summary>
    Patching,
    /// <summary>Zero.</summary>
    Zero,
    /// <summary>Its mean over all positions of all ablation prompts, each position counting once.</summary>
    Mean,
    /// <summary>Its mean at the same position over the ablation prompts that have this position.</summary>
    MeanPositional,
}
