using Faith.Engine.Data;

namespace Faith.Engine.Tests.Oracle;

/// <summary>What every source u puts out [T × d] where it is ablated.</summary>
public delegate Value[] AblatedOutputs(Example example);

/// <summary>The ablations.</summary>
public static class LiteralAblation
{
    /// <summary>The ablation of this kind; means are taken over <paramref name="prompts"/>.</summary>
    public static AblatedOutputs Of(OracleAblation ablation, LiteralModel model, IEnumerable<int[]> prompts) => ablation switch
    {
        OracleAblation.Patching => example => model.Run(example.Corrupted).Outputs.ToArray(),
        OracleAblation.Zero => example => Rows(model, example, (_, _) => new double[model.Width]),
        OracleAblation.Mean => Mean(model, prompts),
        OracleAblation.MeanPositional => MeanPositional(model, prompts),
        _ => throw new ArgumentOutOfRangeException(nameof(ablation)),
    };

    /// <summary>The ablation that gives source u the row row(u, t) at position t.</summary>
    public static Value[] Rows(LiteralModel model, Example example, Func<int, int, double[]> row)
    {
        var outputs = new Value[model.Graph.Sources];
        for (var u = 0; u < outputs.Length; u++)
        {
            outputs[u] = Tape.Leaf(example.Clean.Length, model.Width,
                Enumerable.Range(0, example.Clean.Length).SelectMany(t => row(u, t)).ToArray());
        }
        return outputs;
    }

    private static AblatedOutputs Mean(LiteralModel model, IEnumerable<int[]> prompts)
    {
        var runs = prompts.Select(prompt => model.Run(prompt).Outputs).ToArray();
        var mean = Enumerable.Range(0, model.Graph.Sources)
            .Select(u => MeanOf(runs.SelectMany(z => Enumerable.Range(0, z[u].Rows).Select(t => z[u].Row(t)))))
            .ToArray();
        return example => Rows(model, example, (u, _) => mean[u]);
    }

    private static AblatedOutputs MeanPositional(LiteralModel model, IEnumerable<int[]> prompts)
    {
        var runs = prompts.Select(prompt => model.Run(prompt).Outputs).ToArray();
        var length = runs.Max(z => z[0].Rows);
        var mean = Enumerable.Range(0, model.Graph.Sources)
            .Select(u => Enumerable.Range(0, length)
                .Select(t => MeanOf(runs.Where(z => t < z[u].Rows).Select(z => z[u].Row(t))))
                .ToArray())
            .ToArray();
        return example => Rows(model, example, (u, t) => mean[u][t]);
    }

    private static double[] MeanOf(IEnumerable<double[]> rows)
    {
        var all = rows.ToArray();
        return Enumerable.Range(0, all[0].Length).Select(c => all.Average(row => row[c])).ToArray();
    }
}
