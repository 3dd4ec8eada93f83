using System.Globalization;
using System.Text.Json;
using Faith.Engine;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Experiments;
using Faith.Engine.Metrics;
using Faith.Engine.Statistics;

namespace Faith.Cli;

/// <summary>What a mean over examples hides: how they lie, of which the circuit keeps least, and in how many it does better than the corrupted run.</summary>
/// <param name="model">The model.</param>
/// <param name="data">The examples.</param>
/// <param name="result">What was measured of them.</param>
/// <param name="shown">How many of the worst are told.</param>
internal sealed class ExampleStatistics(LoadedModel model, PromptSet data, Faithfulness result, int shown)
{
    private const int LongestPrompt = 80;
    private readonly double[] kept = result.PerExample;

    private (string Name, IReadOnlyList<double> Values)[] Rows => [("clean", result.Clean), ("circuit", result.Circuit), ("corrupted", result.Corrupted), ("faithfulness", kept)];

    /// <summary>The places of the examples of which least is kept; where that is defined of none, those of the worst metric.</summary>
    private int[] Worst()
    {
        var sign = result.Metric.IsDivergence() ? -1 : 1;
        int[] defined = [.. Enumerable.Range(0, kept.Length).Where(i => !double.IsNaN(kept[i]))];
        return [.. (defined.Length > 0 ? defined.OrderBy(i => kept[i]) : Enumerable.Range(0, kept.Length).OrderBy(i => sign * result.Circuit[i])).Take(shown)];
    }

    /// <summary>Prints them.</summary>
    public void Write(CommandContext context)
    {
        var output = context.Output;
        var quantiles = new TextTable(["of the examples", .. Quantiles.Told.Select(share => $">{Figures.Percent(share)}")]);
        foreach (var (name, values) in Rows) quantiles.Add([name, .. Quantiles.Of(values, Quantiles.Told).Select(value => Figures.Fixed(value))]);
        quantiles.Write(context);
        if (kept.Count(double.IsNaN) is > 0 and var undefined) output.WriteLine($"faithfulness is not defined of {undefined} of {kept.Length} examples, whose clean run is not better than the corrupted one by more than rounding errors");
        output.WriteLine($"sign test: {SignTestText()}");
        if (shown == 0) return;
        var worst = new TextTable("worst", ">clean", ">circuit", ">corrupted", ">faithfulness", "prompt");
        foreach (var i in Worst()) worst.Add([data.Texts[i].Place, .. Rows.Select(row => Figures.Fixed(row.Values[i])), DataSummary.Prompt(model, data[i].Clean, LongestPrompt)]);
        worst.Write(context);
    }

    /// <summary>Writes them as members of an object.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteNumbersOrNull("faithfulness_per_example", kept);
        json.WriteStartObject("quantiles");
        foreach (var (name, values) in Rows)
        {
            json.WriteStartObject(name);
            foreach (var (share, value) in Quantiles.Told.Zip(Quantiles.Of(values, Quantiles.Told))) json.WriteNumberOrNull(share.ToString(CultureInfo.InvariantCulture), value);
            json.WriteEndObject();
        }
        json.WriteEndObject();
        json.WriteStartArray("worst");
        foreach (var i in Worst())
        {
            json.WriteStartObject();
            json.WriteNumber("example", i + 1);
            json.WriteString("place", data.Texts[i].Place);
            json.WriteString("prompt", DataSummary.Prompt(model, data[i].Clean, LongestPrompt));
            foreach (var (name, values) in Rows) json.WriteNumberOrNull(name, values[i]);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        var test = SignTest.Of(result);
        json.WriteStartObject("sign_test");
        json.WriteString("alternative", "better");
        json.WriteNumber("better", test.Better);
        json.WriteNumber("worse", test.Worse);
        json.WriteNumber("ties", test.Ties);
        json.WriteNumberOrNull("p", test.P);
        json.WriteEndObject();
    }

    private string SignTestText()
    {
        var test = SignTest.Of(result);
        if (double.IsNaN(test.P)) return "not defined: circuit and corrupted run are equal in every example";
        return $"the circuit does better than the corrupted run in {test.Better} of {test.Better + test.Worse} examples, p = {Figures.Short(test.P)} (one-sided, exact binomial{(test.Ties > 0 ? $"; {test.Ties} ties dropped" : "")})";
    }
}
