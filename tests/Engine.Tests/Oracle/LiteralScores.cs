using Faith.Engine.Data;
using Faith.Engine.Graphs;

namespace Faith.Engine.Tests.Oracle;

/// <summary>
/// The scores of one example by the definitions of method.md §2, in float64: entry u·N + v of an edge score, u of a node score,
/// u·d + c of a neuron score (column c of z_u). A score over a data set is the mean over its examples.
/// </summary>
public sealed class LiteralScores(LiteralModel model, OracleMetric metric, AblatedOutputs ablation)
{
    /// <summary>The edge scores [F·N].</summary>
    public double[] Edges(Example example, OracleMethod method, IReadOnlyList<PathPoint> points) => method switch
    {
        OracleMethod.Exact => Exact(example),
        OracleMethod.InformationFlowRoutes => InformationFlowRoutes(example),
        OracleMethod.GradDrop => EdgesWithoutALayer(example),
        OracleMethod.QkFix => EdgesThroughTheSoftmax(example),
        _ => EdgesFromGradients(example, method, points),
    };

    /// <summary>The node scores [F]: Σ_pos Δz_u · ∂L/∂z_u.</summary>
    public double[] Nodes(Example example, OracleMethod method, IReadOnlyList<PathPoint> points) => method switch
    {
        OracleMethod.GradDrop => NodesWithoutALayer(example),
        OracleMethod.QkFix => Edges(example, method, points).Chunk(model.Graph.Columns).Select(outEdges => outEdges.Sum()).ToArray(),
        _ => Neurons(example, method, points).Chunk(model.Width).Select(neurons => neurons.Sum()).ToArray(),
    };

    /// <summary>The neuron scores [F·d]: Σ_pos of the product of each column of Δz_u with the same column of ∂L/∂z_u.</summary>
    public double[] Neurons(Example example, OracleMethod method, IReadOnlyList<PathPoint> points)
    {
        if (method == OracleMethod.GradDrop) return NeuronsWithoutALayer(example);
        return [.. Products(example, method, points).SelectMany(of => Enumerable.Range(0, model.Width).Select(c => of.Where((_, i) => i % model.Width == c).Sum()))];
    }

    /// <summary>The node scores by span [F·S], entry u·S + s: Σ over the rows of a span of Δz_u · ∂L/∂z_u.</summary>
    public double[] SpanNodes(Example example, OracleMethod method, IReadOnlyList<PathPoint> points, int spans)
    {
        double OfSpan(double[] products, int span) => products.Where((_, i) => example.SpanOf![i / model.Width] == span).Sum();
        if (method == OracleMethod.GradDrop) return MeanWithoutOwnLayer(example, products => [.. Enumerable.Range(0, spans).Select(s => Math.Abs(OfSpan(products, s)))], spans);
        return [.. Products(example, method, points).SelectMany(of => Enumerable.Range(0, spans).Select(s => OfSpan(of, s)))];
    }

    /// <summary>Of every node Δz_u ⊙ ∂L/∂z_u [rows × d].</summary>
    private double[][] Products(Example example, OracleMethod method, IReadOnlyList<PathPoint> points)
    {
        var difference = OutputDifference(example);
        var clean = model.Run(example.Clean);
        double[][] products = [.. difference.Select(of => new double[of.Length])];
        foreach (var (run, weight) in GradientRuns(example, method, points))
        {
            for (var u = 0; u < model.Graph.Sources; u++)
            {
                // Of a head before the norm of all heads, which is held to first order about the clean run.
                var gradient = LayerOfHead(u) is { } l && model.NormsOutputs ? model.OutputGradient(l, clean.Blocks[2 * l], run.Blocks[2 * l + 1].Gradient) : run.Outputs[u].Gradient;
                for (var i = 0; i < difference[u].Length; i++) products[u][i] += weight * difference[u][i] * gradient[i];
            }
        }
        return products;
    }

    /// <summary>
    /// What z_u(ablated) − z_u(clean) makes of the stream: itself, but of a head that is normed with the others to first order about the clean run.
    /// </summary>
    public double[][] Difference(Example example)
    {
        var difference = OutputDifference(example);
        if (!model.NormsOutputs) return difference;
        var clean = model.Run(example.Clean);
        return [.. difference.Select((delta, u) => LayerOfHead(u) is { } l ? model.OutputDifferential(l, clean.Blocks[2 * l], delta, model.Rule.HoldsSigma) : delta)];
    }

    private int? LayerOfHead(int u) => model.Graph.PlaceOf(new(u)) is { Kind: NodeKind.Head, Layer: var l } ? l : null;

    /// <summary>z_u(ablated) − z_u(clean).</summary>
    private double[][] OutputDifference(Example example)
    {
        var clean = model.Run(example.Clean).Outputs;
        return ablation(example).Zip(clean, (a, c) => a.Data.Zip(c.Data, (x, y) => x - y).ToArray()).ToArray();
    }

    /// <summary>The runs whose gradients a method averages, each with its weight and with the gradients of its loss.</summary>
    public IEnumerable<(LiteralRun Run, double Weight)> GradientRuns(Example example, OracleMethod method, IReadOnlyList<PathPoint> points)
    {
        var clean = model.Run(example.Clean);
        var ablated = ablation(example);
        int[] input = [0];

        LiteralRun Between(int[] nodes, double alpha)
        {
            var run = model.Run(example.Clean, (_, node, computed) =>
                nodes.Contains(node) ? Interpolate(ablated[node], clean.Outputs[node], alpha) : computed);
            run.Tape.Backward(LiteralMetric.Loss(metric, run, example, clean.LastLogits));
            return run;
        }

        switch (method)
        {
            case OracleMethod.Eap:
                yield return (Between(input, 1), 1);
                break;
            case OracleMethod.CleanCorrupted:
                yield return (Between(input, 1), 0.5);
                yield return (Between(input, 0), 0.5);
                break;
            case OracleMethod.EapIg:
                foreach (var (alpha, weight) in points) yield return (Between(input, alpha), weight);
                break;
            case OracleMethod.EapIgActivations:
                var stages = SourceLayers();
                foreach (var stage in stages)
                {
                    foreach (var (alpha, weight) in points) yield return (Between(stage, alpha), weight / stages.Count);
                }
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(method), $"{method} has no gradient");
        }
    }

    /// <summary>score(u, v) = Σ_pos Δz_u · ∂L/∂x_v, the gradient averaged over the runs of the method.</summary>
    private double[] EdgesFromGradients(Example example, OracleMethod method, IReadOnlyList<PathPoint> points)
    {
        var difference = Difference(example);
        var scores = new double[model.Graph.Sources * model.Graph.Columns];
        foreach (var (run, weight) in GradientRuns(example, method, points))
        {
            foreach (var (u, v) in AllEdges())
            {
                var gradient = run.Inputs[v].Gradient;
                double sum = 0;
                for (var i = 0; i < gradient.Length; i++) sum += difference[u][i] * gradient[i];
                scores[u * model.Graph.Columns + v] += weight * sum;
            }
        }
        return scores;
    }

    /// <summary>The gradients of the clean run with the outputs of one layer after another as constants: nothing goes back through its heads and MLP.</summary>
    public IEnumerable<(int Layer, LiteralRun Run)> RunsWithoutALayer(Example example)
    {
        var clean = model.Run(example.Clean);
        for (var l = 0; l < model.Graph.Layers; l++)
        {
            int[] layer = [.. Enumerable.Range(0, model.Graph.Heads).Select(h => model.Graph.HeadNode(l, h)), model.Graph.MlpNode(l)];
            var run = model.Run(example.Clean, (_, node, computed) => layer.Contains(node) ? Tape.Constant(clean.Outputs[node]) : computed);
            run.Tape.Backward(LiteralMetric.Loss(metric, run, example, clean.LastLogits));
            yield return (l, run);
        }
    }

    /// <summary>The mean of |Σ_pos Δz_u · ∂L/∂x_v| over the gradients that do not leave out the layer of v.</summary>
    private double[] EdgesWithoutALayer(Example example)
    {
        var (graph, difference) = (model.Graph, Difference(example));
        var terms = AllEdges().ToDictionary(edge => edge, _ => new List<double>());
        foreach (var (layer, run) in RunsWithoutALayer(example))
        {
            foreach (var (u, v) in AllEdges())
            {
                if (v != graph.LogitsColumn && graph.DestinationOf(new(v)).Layer == layer) continue;
                terms[(u, v)].Add(Math.Abs(difference[u].Zip(run.Inputs[v].Gradient, (d, g) => d * g).Sum()));
            }
        }
        var scores = new double[graph.Sources * graph.Columns];
        foreach (var ((u, v), values) in terms) scores[u * graph.Columns + v] = values.Average();
        return scores;
    }

    /// <summary>The mean of |Σ_pos Δz_u · ∂L/∂z_u| over the gradients that do not leave out the layer of u.</summary>
    private double[] NodesWithoutALayer(Example example) => MeanWithoutOwnLayer(example, products => [Math.Abs(products.Sum())], 1);

    /// <summary>The same column by column.</summary>
    private double[] NeuronsWithoutALayer(Example example) => MeanWithoutOwnLayer(example,
        products => [.. Enumerable.Range(0, model.Width).Select(c => Math.Abs(products.Where((_, i) => i % model.Width == c).Sum()))], model.Width);

    private double[] MeanWithoutOwnLayer(Example example, Func<double[], double[]> magnitudes, int width)
    {
        var (graph, difference) = (model.Graph, OutputDifference(example));
        var scores = new double[graph.Sources * width];
        for (var u = 0; u < graph.Sources; u++)
        {
            var own = u == 0 ? -1 : (u - 1) / (graph.Heads + 1);
            var terms = RunsWithoutALayer(example).Where(r => r.Layer != own)
                .Select(r => magnitudes([.. difference[u].Zip(r.Run.Outputs[u].Gradient, (d, g) => d * g)])).ToArray();
            for (var c = 0; c < width; c++) scores[u * width + c] = terms.Average(t => t[c]);
        }
        return scores;
    }

    /// <summary>As EAP, but of edges into queries and keys Σ_pos (z_h with the edge ablated − z_h) · ∂L/∂z_h over the heads of the layer that they lead into.</summary>
    private double[] EdgesThroughTheSoftmax(Example example)
    {
        var (graph, ablated) = (model.Graph, ablation(example));
        var scores = EdgesFromGradients(example, OracleMethod.Eap, []);
        var clean = model.Run(example.Clean);
        clean.Tape.Backward(LiteralMetric.Loss(metric, clean, example, clean.LastLogits));
        foreach (var (u, v) in AllEdges().Where(edge => edge.Column != graph.LogitsColumn && graph.DestinationOf(new(edge.Column)).Kind is InputKind.Query or InputKind.Key))
        {
            var run = LiteralCircuit.Run(model, example, (source, column) => (source, column) != (u, v), ablated);
            var layer = graph.DestinationOf(new(v)).Layer;
            scores[u * graph.Columns + v] = Enumerable.Range(0, graph.Heads).Select(h => graph.HeadNode(layer, h)).Sum(head =>
                run.Outputs[head].Data.Zip(clean.Outputs[head].Data, (now, before) => now - before)
                    .Zip(clean.Outputs[head].Gradient, (change, gradient) => change * gradient).Sum());
        }
        return scores;
    }

    /// <summary>The sources layer by layer: input, then the heads and the MLP of each layer.</summary>
    private List<int[]> SourceLayers()
    {
        var graph = model.Graph;
        List<int[]> stages = [[0]];
        for (var l = 0; l < graph.Layers; l++)
        {
            stages.Add(Enumerable.Range(0, graph.Heads).Select(h => graph.HeadNode(l, h).Index).ToArray());
            stages.Add([graph.MlpNode(l)]);
        }
        return stages;
    }

    /// <summary>ablated + α·(clean − ablated), as a leaf: what the outputs were computed from gets no gradient through them.</summary>
    private static Value Interpolate(Value ablated, Value clean, double alpha)
    {
        var value = new Value(clean.Rows, clean.Columns);
        for (var i = 0; i < value.Data.Length; i++) value.Data[i] = ablated.Data[i] + alpha * (clean.Data[i] - ablated.Data[i]);
        return value;
    }

    /// <summary>L(only u → v ablated) − L(clean).</summary>
    private double[] Exact(Example example)
    {
        var clean = model.Run(example.Clean).LastLogits;
        var ablated = ablation(example);
        var scores = new double[model.Graph.Sources * model.Graph.Columns];
        foreach (var (u, v) in AllEdges())
        {
            var run = LiteralCircuit.Run(model, example, (source, column) => (source, column) != (u, v), ablated);
            scores[u * model.Graph.Columns + v] =
                LiteralMetric.Loss(metric, run.LastLogits, example, clean) - LiteralMetric.Loss(metric, clean, example, clean);
        }
        return scores;
    }

    /// <summary>proximity(u, v) = max(0, ‖x_v‖₁ − ‖x_v − z_u‖₁), as a share of the sum over all u, averaged over the positions.</summary>
    private double[] InformationFlowRoutes(Example example)
    {
        var clean = model.Run(example.Clean);
        // A head that is normed with the others puts out its part by the divisor that they share.
        double[][] outputs = [.. clean.Outputs.Select((z, u) => LayerOfHead(u) is { } l && model.NormsOutputs ? model.OutputDifferential(l, clean.Blocks[2 * l], z.Data, holdsSigma: true) : z.Data)];
        var scores = new double[model.Graph.Sources * model.Graph.Columns];
        for (var v = 0; v < model.Graph.Columns; v++)
        {
            for (var t = 0; t < example.Clean.Length; t++)
            {
                var stream = clean.Inputs[v].Row(t);
                var proximity = outputs.Take(model.Graph.SourcesBefore(new(v)))
                    .Select(z => Math.Max(0, stream.Sum(Math.Abs) - stream.Zip(z.AsSpan(t * model.Width, model.Width).ToArray(), (x, o) => Math.Abs(x - o)).Sum()))
                    .ToArray();
                var total = proximity.Sum();
                if (total == 0) continue;
                for (var u = 0; u < proximity.Length; u++)
                {
                    scores[u * model.Graph.Columns + v] += proximity[u] / total / example.Clean.Length;
                }
            }
        }
        return scores;
    }

    private IEnumerable<(int Source, int Column)> AllEdges()
    {
        for (var u = 0; u < model.Graph.Sources; u++)
        {
            for (var v = 0; v < model.Graph.Columns; v++)
            {
                if (model.Graph.IsEdge(new(u), new(v))) yield return (u, v);
            }
        }
    }
}
