using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;
using Faith.Engine.Reports;

namespace Faith.Cli;

/// <summary>Records of how results came about.</summary>
internal static class RunRecords
{
    /// <summary>The record of an attribution.</summary>
    public static RunRecord Of(string modelName, Transformer model, PromptSet data, AttributionOptions options, AttributionResult result)
    {
        var rule = AttributionMethods.Find(options.Method).Rule(options);
        return new()
        {
            Version = ProgramVersion.Text,
            Model = modelName,
            ModelHash = model.Hash,
            Data = data.Name,
            DataHash = data.Hash,
            Method = options.Method,
            Steps = rule is null ? null : options.Steps,
            Rule = rule?.Name(),
            Metric = options.Metric.Name(),
            Ablation = options.Ablation.Name(),
            Level = options.Level.Name(),
            Device = model.Device.Name,
            Examples = data.Count,
            CompletenessGap = result.CompletenessGap,
            Seconds = result.Seconds,
            Options = options.AblationData is PromptSet from
                ? new SortedDictionary<string, string>(StringComparer.Ordinal) { ["ablation_data"] = from.Name, ["ablation_data_hash"] = from.Hash }
                : new SortedDictionary<string, string>(StringComparer.Ordinal),
        };
    }
}
