using System.Globalization;
using System.Text;
using Faith.Engine.Experiments;

namespace Faith.Engine.Reports;

/// <summary>Studies of several tasks side by side, as Markdown.</summary>
public static class StudyTables
{
    /// <summary>Accuracy of every task, then faithfulness of every task and method by number of edges.</summary>
    public static string Markdown(string modelName, IReadOnlyList<TaskStudy> studies)
    {
        var graph = studies[0].EapIg.Scores.Graph;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"Held-out prompts of {Reports.Markdown.Code(modelName)}, {studies.Max(s => s.Data.Count)} a task. Right: an answer is more likely than every distractor. ");
        text.Append("Likelier: the answers together are more likely than the distractors. Changed: the corrupted prompt no longer prefers an answer.\n\n");
        text.Append("| task | right | likelier | changed | logit diff clean | corrupted | completeness gap |\n|---|---:|---:|---:|---:|---:|---:|\n");
        foreach (var s in studies)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {Name(s)} | {s.Accuracy.CleanRight:0.0%} | {s.Accuracy.CleanLikelier:0.0%} | {s.Accuracy.CorruptedChanged:0.0%} | ");
            var gap = Figures.Percent(s.EapIg.CompletenessGap ?? double.NaN, 1);
            text.Append(CultureInfo.InvariantCulture, $"{Figures.Fixed(s.EapIg.Clean.Average(), 2)} | {Figures.Fixed(s.EapIg.Corrupted.Average(), 2)} | {gap} |\n");
        }
        text.Append(CultureInfo.InvariantCulture, $"\nNormalised faithfulness by the number of edges selected (greedy, then pruned) of {graph.Edges:#,0}; ");
        text.Append(CultureInfo.InvariantCulture, $"random: the mean of {studies[0].RandomSweep.Points[0].Circuits.Count} random circuits with as many edges as the one of EAP-IG.\n\n");
        text.Append(CultureInfo.InvariantCulture, $"| task | method | {string.Join(" | ", studies[0].Sizes)} |\n|---|---|{string.Concat(studies[0].Sizes.Select(_ => "---:|"))}\n");
        foreach (var s in studies)
        {
            foreach (var sweep in s.Sweeps) text.Append(CultureInfo.InvariantCulture, $"| {Name(s)} | {sweep.Name} | {string.Join(" | ", sweep.Means.Select(m => Figures.Fixed(m, 2)))} |\n");
        }
        foreach (var s in studies.Where(s => s.AnyCircuit.Undefined is not null)) text.Append($"\n{Name(s)}: faithfulness is {FaithfulnessText.Of(s.AnyCircuit)}.\n");
        foreach (var s in studies)
        {
            if (s.Doubt is { } doubt) text.Append($"\n{Name(s)}: {doubt}.\n");
        }
        return text.ToString();

        static string Name(TaskStudy study) => Reports.Markdown.Text(study.Data.Name);
    }
}
