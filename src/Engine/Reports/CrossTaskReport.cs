using Faith.Engine.Experiments;
using Faith.Engine.ScoreFiles;

namespace Faith.Engine.Reports;

/// <summary>The circuit of every task on every task, as a page.</summary>
public static class CrossTaskReport
{
    /// <summary>The page.</summary>
    public static string Page(CrossTaskStudy study, DeviceChoice choice)
    {
        ArgumentNullException.ThrowIfNull(study);
        var (first, tasks) = (study.Runs[0], study.Runs.Select(r => r.Data.Name).ToArray());
        var runs = study.Runs.Select((run, i) =>
        {
            // On its own task; what it keeps of the others is the matrix.
            var (circuit, result) = (study.Circuits[i], study.Results[i][i]);
            return new ReportRun
            {
                Model = run.Model.Name, Task = run.Data.Name, Method = run.Specification.Scoring.Method, Selection = study.Selections[i], Signed = run.Specification.Signed,
                Scores = study.Scores[i].Scores, StandardErrors = study.Scores[i].StandardErrors, Seconds = study.Scores[i].Seconds,
                Curve = [new(run.Specification.Sizes![0], circuit.EdgeCount, circuit.NodesInCircuit().Count(inside => inside), result.CircuitMean, result.Normalised, double.NaN, double.NaN, result.Circuit)],
                Clean = result.Clean, Corrupted = result.Corrupted, Prompts = ReportPrompts.Of(run.Data, run.Model.Tokenizer),
                Doubts = run.Doubt(study.Scores[i]) is { } doubt ? [doubt] : [],
                Record = RunRecordJson.Pairs(run.Record(study.Scores[i], choice)),
            };
        });
        var matrix = new ReportMatrix(first.Model.Name, $"Normalised faithfulness: the circuit of the row's task ({first.Specification.Sizes![0]} edges, then pruned) on the column's task", tasks,
            [.. study.Circuits.Select((_, row) => (IReadOnlyList<double>)[.. study.Results.Select(column => column[row].Normalised)])]);
        return ReportPage.Write($"{first.Model.Name}: the circuit of every task on every task", [.. runs], [matrix]);
    }
}
