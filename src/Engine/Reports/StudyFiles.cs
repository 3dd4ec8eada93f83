using System.Globalization;
using System.Text;
using Faith.Engine.Experiments;
using Faith.Engine.Files;
using Faith.Engine.ScoreFiles;

namespace Faith.Engine.Reports;

/// <summary>The files of a study: scores with the chosen circuit, its picture, the curves and a report that shows them.</summary>
public static class StudyFiles
{
    /// <summary>The scores with the chosen circuit.</summary>
    public const string Scores = "scores.json";
    /// <summary>The drawing of the circuit.</summary>
    public const string Picture = "circuit.svg";
    /// <summary>The curves as a plot.</summary>
    public const string Plot = "curve.svg";
    /// <summary>The curves as a table.</summary>
    public const string Table = "curve.csv";
    /// <summary>The report that shows them.</summary>
    public const string Report = "report.md";
    /// <summary>The report to look around in.</summary>
    public const string Page = "report.html";

    /// <summary>Writes all files into a folder that exists.</summary>
    /// <param name="choice">Where it was run.</param>
    /// <param name="prose">The report's text, which is no Markdown: the summary first.</param>
    public static void Write(string folder, TaskStudy study, DeviceChoice choice, IReadOnlyList<string> prose)
    {
        var (model, chosen) = (study.Run.Model, study.EapIgSweep.Points[study.ChosenIndex].Circuits[0]);
        var record = study.Run.Record(study.EapIg, choice);
        var scores = new ScoreFile
        {
            Graph = model.Graph, DModel = model.Config.Width, Scores = study.EapIg.Scores, InGraph = chosen,
            Run = record with
            {
                Options = new SortedDictionary<string, string>(record.Options.ToDictionary(), StringComparer.Ordinal)
                {
                    ["edges"] = study.Sizes[study.ChosenIndex].ToString(CultureInfo.InvariantCulture), ["select"] = "greedy", ["signed"] = "false",
                },
            },
        };
        OutputFile.WriteInFolder(folder,
            scores.ToOutput(Scores),
            Output.Text(Picture, CircuitDrawing.Svg(chosen, study.EapIg.Scores, $"{model.Name} · {study.Data.Name} · EAP-IG · {chosen.EdgeCount} edges")),
            Output.Text(Plot, Curves(model.Name, study).ToSvg()),
            Output.Text(Table, Csv(study)),
            Output.Text(Report, Markdown(model.Name, study, prose)),
            Output.Text(Page, StudyReport.Page(study, record)));
    }

    /// <summary>The curves of a study as a plot.</summary>
    private static CurvePlot Curves(string modelName, TaskStudy study) => new()
    {
        Title = $"{modelName} on {study.Data.Name}: faithfulness by the size of the circuit{FaithfulnessText.IfUndefined(study.AnyCircuit)}",
        Series = [.. study.Sweeps.Select(sweep => Series(sweep, study.EapIgSweep))],
        Levels = [(1, "whole model"), (0, "corrupted run")],
    };

    private static PlotSeries Series(SizeSweep sweep, SizeSweep sizes)
    {
        // Random circuits are as large as those of the first sweep, whatever their number.
        double[] edges = [.. (sweep.Points[0].Circuits.Count > 1 ? sizes : sweep).Points.Select(p => (double)p.Edges)];
        return sweep.Points.All(p => p.Results.Count == 1)
            ? new(sweep.Name, edges, sweep.Means)
            : new(sweep.Name, edges, sweep.Means, [.. sweep.Points.Select(p => p.Least)], [.. sweep.Points.Select(p => p.Most)]);
    }

    private static string Csv(TaskStudy study)
    {
        var csv = new StringBuilder("method,selected,edges,nodes,faithfulness,least,most\n");
        foreach (var sweep in study.Sweeps)
        {
            for (var i = 0; i < study.Sizes.Count; i++)
            {
                var p = sweep.Points[i];
                csv.Append(CultureInfo.InvariantCulture, $"{sweep.Name},{study.Sizes[i]},{p.Edges},{p.Nodes},{Figures.Cell(p.Mean)},{Figures.Cell(p.Least)},{Figures.Cell(p.Most)}\n");
            }
        }
        return csv.ToString();
    }

    private static string Markdown(string modelName, TaskStudy study, IReadOnlyList<string> prose)
    {
        var text = new StringBuilder($"# {Reports.Markdown.Code(modelName)} on {Reports.Markdown.Text(study.Data.Name)}\n\n");
        foreach (var paragraph in prose) text.Append(Reports.Markdown.Text(paragraph)).Append("\n\n");
        text.Append($"![The circuit]({Picture})\n\n![Faithfulness by size]({Plot})\n\n");
        text.Append("| edges selected | edges left after pruning | EAP-IG | EAP | random |\n|---:|---:|---:|---:|---:|\n");
        for (var i = 0; i < study.Sizes.Count; i++)
        {
            var cells = study.Sweeps.Select(s => Figures.Fixed(s.Points[i].Mean, 3));
            text.Append(CultureInfo.InvariantCulture, $"| {study.Sizes[i]} | {study.EapIgSweep.Points[i].Edges} | {string.Join(" | ", cells)} |\n");
        }
        return text.ToString();
    }
}
