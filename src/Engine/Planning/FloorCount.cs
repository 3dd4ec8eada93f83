using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Models;
using Faith.Engine.Passes;

namespace Faith.Engine.Planning;

/// <summary>
/// The floating-point operations that a run cannot do without (method.md §3): prefix rows once, suffix rows once for each
/// forward and once for each backward pass, one contraction; the last layer with one row a sequence after its keys and values.
/// Matrix products and attention only, 2 a multiply-add; no norms, activations or unembedding.
/// </summary>
public static class FloorCount
{
    /// <summary>The operations of the method that the options name; null for one that has no floor: not of a path, of other paths than the input's, or with more to do than passes.</summary>
    public static double? Of(ModelConfig config, IEnumerable<Example> data, AttributionOptions options)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(options);
        if (AttributionMethods.Find(options.Method) is not PathMethod { IsPathIntegral: true } method) return null;
        var path = method.Path(options, new ModelGraph(config.Layers, config.Heads, config.ParallelBlocks));
        return RunPlanner.PassesOf(path) is var (forwards, backwards) ? PathRun(config, data, forwards, backwards, method.RuleOf(options).Pattern == PatternRule.Constant) : null;
    }

    /// <summary>The operations of a path method with the given number of forward and of backward passes over the suffix rows.</summary>
    /// <param name="config">The model.</param>
    /// <param name="data">The examples.</param>
    /// <param name="forwards">Forward passes: distinct points of the path, its ends included.</param>
    /// <param name="backwards">Points with a gradient.</param>
    /// <param name="valuesAlone">True where queries and keys have no gradient.</param>
    public static double PathRun(ModelConfig config, IEnumerable<Example> data, int forwards, int backwards, bool valuesAlone = false)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(data);
        var total = 0.0;
        var prefixes = new HashSet<string>();
        foreach (var example in data)
        {
            var (prefix, length) = (example.FirstDifference, example.Clean.Length);
            if (prefix > 0 && prefixes.Add(string.Join(',', example.Clean.AsSpan(0, prefix).ToArray()))) total += Prefix(config, prefix);
            total += forwards * Forward(config, prefix, length) + backwards * Backward(config, prefix, length, valuesAlone) + Contraction(config, length - prefix, valuesAlone);
        }
        return total;
    }

    /// <summary>One forward pass over positions <paramref name="start"/> … <paramref name="end"/>−1.</summary>
    public static double Forward(ModelConfig config, int start, int end)
    {
        ArgumentNullException.ThrowIfNull(config);
        var (rows, l) = ((double)(end - start), config.Layers - 1);
        return l * rows * (Projection(config) + Rest(config)) + rows * 2 * config.Width * 2 * config.KeyWidth + 2.0 * config.Width * config.QueryWidth + Rest(config)
            + Attention(config, start, end);
    }

    /// <summary>The gradients of one forward pass: the same products transposed, except the first layer's projection, whose input needs none.</summary>
    public static double Backward(ModelConfig config, int start, int end, bool valuesAlone = false)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (valuesAlone) return BackwardOfValues(config, start, end);
        var first = config.Layers == 1
            ? (end - start) * 2.0 * config.Width * 2 * config.KeyWidth + 2.0 * config.Width * config.QueryWidth
            : (end - start) * Projection(config);
        return Forward(config, start, end) - first + Attention(config, start, end); // attention's backward is twice its forward
    }

    /// <summary>One contraction over <paramref name="rows"/> suffix rows of an example: Δz of the heads, G of the heads' inputs, and their products.</summary>
    public static double Contraction(ModelConfig config, int rows, bool valuesAlone = false)
    {
        ArgumentNullException.ThrowIfNull(config);
        var graph = new ModelGraph(config.Layers, config.Heads, config.ParallelBlocks);
        var (d, form, passed) = ((double)config.Width, 2.0 * config.Width * config.QueryWidth, new Rows(config.Layers, rows, Sequences: 1));
        var total = 0.0;
        for (var l = 0; l < config.Layers; l++) total += (passed.Of(l) + (valuesAlone ? rows : passed.Of(l) + 2.0 * rows)) * form; // Δz, and G of queries, keys and values
        foreach (var v in graph.AllColumns)
        {
            var to = graph.DestinationOf(v);
            if (valuesAlone && to.Kind is InputKind.Query or InputKind.Key) continue;
            var read = to.Kind is InputKind.Key or InputKind.Value ? rows : passed.Of(to.Layer);
            total += 2 * d * graph.SourcesBefore(v) * read;
        }
        return total;
    }

    /// <summary>The same where patterns are constants: of attention one product of four, and of the projection the values alone.</summary>
    private static double BackwardOfValues(ModelConfig c, int start, int end)
    {
        var (rows, l) = ((double)(end - start), c.Layers - 1);
        return l * rows * (2.0 * c.Width * c.KeyWidth + Rest(c)) + Rest(c) + Attention(c, start, end) / 2;
    }

    private static double Prefix(ModelConfig c, int length) =>
        (c.Layers - 1.0) * length * (Projection(c) + Rest(c)) + AttentionBeforeLast(c, 0, length) + length * 2.0 * c.Width * 2 * c.KeyWidth;

    private static double Projection(ModelConfig c) => 2.0 * c.Width * c.ProjectionWidth;

    private static double Rest(ModelConfig c) =>
        2.0 * c.QueryWidth * c.Width + (c.Gated ? 6.0 : 4.0) * c.Width * c.MlpWidth;

    /// <summary>The attention of all layers: of the last one that of the last position alone.</summary>
    private static double Attention(ModelConfig c, int start, int end) => AttentionBeforeLast(c, start, end) + Attention(c, c.Layers - 1, end - 1, end);

    private static double AttentionBeforeLast(ModelConfig c, int start, int end) => Enumerable.Range(0, c.Layers - 1).Sum(l => Attention(c, l, start, end));

    /// <summary>q·k and p·v of positions <paramref name="start"/> … <paramref name="end"/>−1 of a layer: 4·d_head·H for every pair of a query and a key that it sees.</summary>
    public static double Attention(ModelConfig config, int layer, int start, int end)
    {
        ArgumentNullException.ThrowIfNull(config);
        return 4.0 * config.QueryWidth * (Pairs(end) - Pairs(start));

        // Those of the first queries, of which none sees more keys than the window has.
        double Pairs(double queries)
        {
            var growing = Math.Min(queries, config.Window(layer) ?? queries);
            return growing * (growing + 1) / 2 + (queries - growing) * growing;
        }
    }
}
