using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Attribution;

/// <summary>The switches of a <see cref="GradientRule"/> by name (method.md §9), and the rules that have a name of their own as methods.</summary>
public static class GradientRules
{
    private const string None = "none";

    private static readonly (string Name, string Summary, Func<GradientRule, GradientRule> On, Func<GradientRule, bool> IsOn)[] Switches =
    [
        ("norm", "the divisor of every norm is a constant", rule => rule with { HoldsSigma = true }, rule => rule.HoldsSigma),
        ("gate", "gate and up of a gated MLP get half of their product's gradient each", rule => rule with { HalvesGate = true }, rule => rule.HalvesGate),
        ("activation", "φ(u)/u stands for φ′(u)", rule => rule with { Slope = ActivationSlope.Ratio }, rule => rule.Slope == ActivationSlope.Ratio),
        ("pattern", "attention patterns are constants", rule => rule with { Pattern = PatternRule.Constant }, rule => rule.Pattern == PatternRule.Constant),
        ("softmax", "the softmax goes back at temperature 2", rule => rule with { Pattern = PatternRule.Softened }, rule => rule.Pattern == PatternRule.Softened),
        ("products", "queries and keys get a quarter of the gradient, values half", rule => rule with { SharesProducts = true }, rule => rule.SharesProducts),
    ];

    /// <summary>The names of the switches; none stands for the derivative.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Switches.Select(s => s.Name)];

    /// <summary>Every switch and what it does, in one line.</summary>
    public static string Summary { get; } = string.Join("; ", Switches.Select(s => $"{s.Name}: {s.Summary}"));

    /// <summary>relp: <see cref="RelevancePatching"/>.</summary>
    public static GradientRule Relevance { get; } = Parse("norm,gate,activation,pattern");

    /// <summary>relp-qk: <see cref="RelevancePatchingQk"/>.</summary>
    public static GradientRule RelevanceWithQueriesAndKeys { get; } = Parse("norm,gate,activation");

    /// <summary>attnlrp: <see cref="Attribution.AttnLrp"/>.</summary>
    public static GradientRule AttnLrp { get; } = Parse("norm,gate,activation,products");

    /// <summary>gim: <see cref="Attribution.Gim"/>.</summary>
    public static GradientRule Gim { get; } = Parse("norm,gate,softmax,products");

    /// <summary>The rule of some switches, as "norm,gate", or of none.</summary>
    /// <exception cref="InputException">There is no such switch, one is named twice, or two exclude each other.</exception>
    public static GradientRule Parse(string names)
    {
        ArgumentNullException.ThrowIfNull(names);
        var rule = GradientRule.Derivative;
        if (names.Trim() == None) return rule;
        foreach (var name in names.Split(',', StringSplitOptions.TrimEntries))
        {
            var index = Array.FindIndex(Switches, s => s.Name == name);
            if (index < 0) throw new InputException($"no rule '{name}'; known: {string.Join(", ", Names)}, several with commas, or {None}");
            if (Switches[index].IsOn(rule)) throw new InputException($"rule '{name}' stands there twice");
            if (name is "pattern" or "softmax" && rule.Pattern != PatternRule.Derivative) throw new InputException("of the rules pattern and softmax one can be had: both say how a gradient goes back through attention patterns");
            rule = Switches[index].On(rule);
        }
        return rule;
    }

    /// <summary>The names of a rule's switches with commas, in the order of <see cref="Names"/>, or none.</summary>
    public static string Name(this GradientRule rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        return Switches.Any(s => s.IsOn(rule)) ? string.Join(',', Switches.Where(s => s.IsOn(rule)).Select(s => s.Name)) : None;
    }
}
