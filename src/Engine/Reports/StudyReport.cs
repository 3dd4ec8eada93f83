using Faith.Engine.Experiments;
using Faith.Engine.ScoreFiles;
using Faith.Engine.Statistics;

namespace Faith.Engine.Reports;

/// <summary>The report of one task's study, as a page.</summary>
internal static class StudyReport
{
    private const int Resamples = 1000;
    private const double Confidence = 0.95;

    public static string Page(TaskStudy study, RunRecord record)
    {
        var bootstrap = study.Data.Count > 1 ? new Bootstrap(study.Data.Count, Resamples, seed: 0) : null;
        var model = study.Run.Model;
        var prompts = ReportPrompts.Of(study.Data, model.Tokenizer);
        return ReportPage.Write($"{model.Name} on {study.Data.Name}", [.. study.Sweeps.Select(sweep =>
        {
            var found = sweep.Name == "EAP-IG" ? study.EapIg : sweep.Name == "EAP" ? study.Eap : null;
            return new ReportRun
            {
                Model = model.Name, Task = study.Data.Name, Method = sweep.Name, Selection = new("greedy"),
                Scores = found?.Scores, StandardErrors = found?.StandardErrors, Seconds = found?.Seconds,
                Curve = [.. sweep.Points.Zip(study.Sizes, (point, size) => Point(point, size, bootstrap))],
                Clean = study.EapIg.Clean, Corrupted = study.EapIg.Corrupted, Prompts = prompts,
                Doubts = found == study.EapIg && study.Doubt is { } doubt ? [doubt] : [],
                Record = found is null ? [new("circuits", "random, as large as those of EAP-IG")] : RunRecordJson.Pairs(found == study.EapIg ? record : record with { Method = "eap", Steps = null, Rule = null, Seconds = found.Seconds, CompletenessGap = found.CompletenessGap }),
            };
        })]);
    }

    // Of several random circuits the band is where they lie.
    private static ReportPoint Point(SweepPoint point, int size, Bootstrap? bootstrap)
    {
        var one = point.Results.Count == 1;
        var interval = !one ? new(point.Least, point.Most) : bootstrap?.Faithfulness(point.Results[0], Confidence) ?? new(double.NaN, double.NaN);
        return new(size, point.Edges, point.Nodes, point.Results.Average(r => r.CircuitMean), point.Mean, interval.Low, interval.High, one ? point.Results[0].Circuit : []);
    }
}
