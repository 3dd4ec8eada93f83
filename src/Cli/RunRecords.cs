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
        var method = AttributionMethods.Find(options.Method);
        return new()
        {
            Version = ProgramVersion.Text,
            Model = modelName,
            ModelHash = model.Hash,
            Data = data.Name,
            DataHash = data.Hash,
            Method = options.Method,
            Steps = method.UsesSteps ? options.Steps : null,
            Rule = method.UsesSteps ? options.Rule.Name() : null,
            Metric = options.Metric.Name(),
            Ablation = "patching",
            Level = "edge",
            Device = model.Device.Name,
            Examples = data.Count,
            CompletenessGap = result.CompletenessGap,
            Seconds = result.Seconds,
        };
    }
}
