namespace Faith.Engine.Metrics;

/// <summary>What a model prefers among the answers and distractors of an example.</summary>
/// <param name="IsRight">True when the most likely of them is an answer; a tie with a distractor is not right.</param>
/// <param name="AnswerShare">Σp(answers) / (Σp(answers) + Σp(distractors)).</param>
public readonly record struct Preference(bool IsRight, double AnswerShare)
{
    /// <summary>The preference that logits express; the first <paramref name="answers"/> of them are those of the answers.</summary>
    internal static Preference Of(ReadOnlySpan<float> logits, int answers)
    {
        var (bestAnswer, bestDistractor) = (Largest(logits[..answers]), Largest(logits[answers..]));
        var largest = Math.Max(bestAnswer, bestDistractor);
        var (right, wrong) = (0.0, 0.0);
        for (var i = 0; i < logits.Length; i++)
        {
            var weight = Math.Exp((double)logits[i] - largest);
            if (i < answers) right += weight;
            else wrong += weight;
        }
        return new(bestAnswer > bestDistractor, right / (right + wrong));
    }

    private static float Largest(ReadOnlySpan<float> values)
    {
        var largest = float.NegativeInfinity;
        foreach (var value in values) largest = Math.Max(largest, value);
        return largest;
    }
}
