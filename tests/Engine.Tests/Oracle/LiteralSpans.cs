using Faith.Engine.Data;
using Faith.Engine.Graphs;

namespace Faith.Engine.Tests.Oracle;

/// <summary>Scores and circuits by span (method.md §11) in float64, one edge and one position at a time.</summary>
/// <param name="model">The model.</param>
/// <param name="graph">Its graph over spans.</param>
/// <param name="ablation">What stands for outputs that are ablated.</param>
public sealed class LiteralSpans(LiteralModel model, SpanGraph graph, AblatedOutputs ablation)
{
    /// <summary>The scores [entries] of an example: Δz_u · ∂L/∂x_v at the positions of a span, and of edges between spans what heads put out with keys or values of the ablated run.</summary>
    public double[] Scores(Example example, LiteralScores ordinary, OracleMethod method, IReadOnlyList<PathPoint> points) => method switch
    {
        OracleMethod.GradDrop => ScoresWithoutALayer(example, ordinary),
        OracleMethod.QkFix => ScoresThroughTheSoftmax(example, ordinary),
        _ => ScoresFromGradients(example, ordinary, method, points),
    };

    /// <summary>The node scores [F·S] of an example: under the QK fix the sums of edges' scores.</summary>
    public double[] Nodes(Example example, LiteralScores ordinary, OracleMethod method, IReadOnlyList<PathPoint> points)
    {
        if (method != OracleMethod.QkFix) return ordinary.SpanNodes(example, method, points, graph.Spans.Count);
        var edges = Scores(example, ordinary, method, points);
        return [.. model.Graph.AllSources.SelectMany(u => Enumerable.Range(0, graph.Spans.Count).Select(s => model.Graph.OutEdges(u).Sum(edge => edges[graph.Within(s, edge)])))];
    }

    private double[] ScoresFromGradients(Example example, LiteralScores ordinary, OracleMethod method, IReadOnlyList<PathPoint> points)
    {
        var (spanOf, width, difference) = (example.SpanOf!, model.Width, ordinary.Difference(example));
        var scores = new double[graph.Entries];
        var gradients = Enumerable.Range(0, model.Graph.Sources).Select(_ => new double[example.Clean.Length * width]).ToArray();
        var number = 0;
        foreach (var (run, weight) in ordinary.GradientRuns(example, method, points))
        {
            // Of nodes whose outputs are given nothing is computed, and nothing goes back to what they read.
            var given = method == OracleMethod.EapIgActivations ? number / points.Count : 0;
            number++;
            foreach (var edge in model.Graph.AllEdges)
            {
                var (change, gradient) = (difference[model.Graph.SourceOf(edge)], run.Inputs[model.Graph.ColumnOf(edge)].Gradient);
                for (var i = 0; i < gradient.Length; i++) scores[graph.Within(spanOf[i / width], edge)] += weight * change[i] * gradient[i];
            }
            foreach (var u in model.Graph.AllSources.Where(u => model.Graph.StageOf(u) != given))
            {
                for (var i = 0; i < gradients[u].Length; i++) gradients[u][i] += weight * run.Outputs[u].Gradient[i];
            }
        }
        foreach (var (edge, change) in Crossings(example)) scores[edge] = change.Sum(of => of.Output.Zip(gradients[of.Head], (c, g) => c * g).Sum());
        return scores;
    }

    /// <summary>Of every edge the mean magnitude of what its span's rows give, over the gradients that do not leave out the layer where it ends.</summary>
    private double[] ScoresWithoutALayer(Example example, LiteralScores ordinary)
    {
        var (width, difference) = (model.Width, ordinary.Difference(example));
        var terms = new Dictionary<SpanEdgeId, List<double>>();
        void Add(SpanEdgeId edge, double term) => (terms.TryGetValue(edge, out var list) ? list : terms[edge] = []).Add(Math.Abs(term));
        var crossings = Crossings(example).ToArray();
        foreach (var (layer, run) in ordinary.RunsWithoutALayer(example))
        {
            for (var span = 0; span < graph.Spans.Count; span++)
            {
                foreach (var edge in model.Graph.AllEdges)
                {
                    var column = model.Graph.ColumnOf(edge);
                    if (column != model.Graph.LogitsColumn && model.Graph.DestinationOf(column).Layer == layer) continue;
                    var (change, gradient) = (difference[model.Graph.SourceOf(edge)], run.Inputs[column].Gradient);
                    Add(graph.Within(span, edge), Enumerable.Range(0, gradient.Length).Where(i => example.SpanOf![i / width] == span).Sum(i => change[i] * gradient[i]));
                }
            }
            foreach (var (edge, change) in crossings.Where(crossing => model.Graph.DestinationOf(graph.Of(crossing.Edge).Port).Layer != layer))
            {
                Add(edge, change.Sum(of => of.Output.Zip(run.Outputs[of.Head].Gradient, (c, g) => c * g).Sum()));
            }
        }
        var scores = new double[graph.Entries];
        foreach (var (edge, values) in terms) scores[edge] = values.Average();
        return scores;
    }

    /// <summary>As EAP, but of edges into queries and keys what the heads of the layer put out where the edge is ablated at the positions of the span.</summary>
    private double[] ScoresThroughTheSoftmax(Example example, LiteralScores ordinary)
    {
        var scores = ScoresFromGradients(example, ordinary, OracleMethod.Eap, []);
        var (clean, ablated) = (ordinary.GradientRuns(example, OracleMethod.Eap, []).Single().Run, ablation(example));
        foreach (var edge in model.Graph.AllEdges.Where(edge => IsQueryOrKey(model.Graph.ColumnOf(edge))))
        {
            var (source, column) = (model.Graph.SourceOf(edge), model.Graph.ColumnOf(edge));
            var everywhere = LiteralCircuit.Run(model, example, (u, v) => (u, v) != (source, column), ablated).Inputs[column];
            for (var span = 0; span < graph.Spans.Count; span++)
            {
                var run = model.Run(example.Clean, input: (_, v, stream, _) => v == column ? Rows(stream, everywhere, row => example.SpanOf![row] == span) : stream);
                scores[graph.Within(span, edge)] = HeadsOf(column).Sum(head =>
                    run.Outputs[head].Data.Zip(clean.Outputs[head].Data, (now, before) => now - before).Zip(clean.Outputs[head].Gradient, (c, g) => c * g).Sum());
            }
        }
        return scores;
    }

    private bool IsQueryOrKey(ColumnId column) => column != model.Graph.LogitsColumn && model.Graph.DestinationOf(column).Kind is InputKind.Query or InputKind.Key;

    private IEnumerable<NodeId> HeadsOf(ColumnId column) => Enumerable.Range(0, model.Graph.Heads).Select(h => model.Graph.HeadNode(model.Graph.DestinationOf(column).Layer, h));

    /// <summary>Of every edge between spans, how the outputs of its layer's heads change at the span where it ends when it is ablated; 0 at other positions.</summary>
    private IEnumerable<(SpanEdgeId Edge, (NodeId Head, double[] Output)[] Change)> Crossings(Example example)
    {
        var (spanOf, clean, ablated) = (example.SpanOf!, model.Run(example.Clean), AblatedInputs(example));
        foreach (var edge in graph.CrossingEdges)
        {
            var (_, port, from, to) = graph.Of(edge);
            var run = model.Run(example.Clean, input: (_, column, stream, _) => column == port ? Rows(stream, ablated[column], row => spanOf[row] == from) : stream);
            yield return (edge, [.. HeadsOf(port).Select(head => (head,
                run.Outputs[head].Data.Zip(clean.Outputs[head].Data, (now, before) => now - before).Select((c, i) => spanOf[i / model.Width] == to ? c : 0).ToArray()))]);
        }
    }

    /// <summary>
    /// The logits of the last position where the edges outside a circuit carry what the ablated run has. Every node is computed once for every span, by a run of its own in which its
    /// inputs are put together row by row: keys and values of other spans where the circuit has the edge between them, else those of the ablated run.
    /// </summary>
    public double[] LastLogits(Example example, Func<SpanEdgeId, bool> has) => LastLogits(example, edge => has(edge) ? 1.0 : 0.0);

    /// <summary>The same where an edge within a span carries a share of its difference.</summary>
    public double[] LastLogits(Example example, Func<SpanEdgeId, double> share)
    {
        var (spanOf, ablated) = (example.SpanOf!, ablation(example));
        var known = new List<Value> { model.Run(example.Clean).Outputs[0] };
        // Heads that are normed with others take part in that where their own output counts, else with what the ablated run has.
        bool Counts(NodeId head, int span) => !model.JoinsHeads || model.Graph.OutEdges(head).Any(edge => share(graph.Within(span, edge)) > 0);

        Value Input(Tape tape, int column, int reader)
        {
            var to = model.Graph.DestinationOf(new(column));
            var isPort = to.Kind is InputKind.Key or InputKind.Value;
            if (isPort || to.Kind == InputKind.Query)
            {
                if (!Counts(model.Graph.HeadNode(to.Layer, to.Head), reader)) return model.Stream(tape, column, u => ablated[u]);
            }
            return model.Stream(tape, column, u =>
            {
                var mixed = new Value(example.Clean.Length, model.Width);
                for (var i = 0; i < mixed.Data.Length; i++)
                {
                    var span = spanOf[i / model.Width];
                    var part = share(graph.Within(span, model.Graph.Edge(new(u), new(column))));
                    if (isPort && span != reader && graph.IsEdge(graph.Crossing(to.Kind, to.Layer, to.Head, span, reader))) part *= share(graph.Crossing(to.Kind, to.Layer, to.Head, span, reader));
                    mixed.Data[i] = part == 1 ? known[u].Data[i] : ablated[u].Data[i] + part * (known[u].Data[i] - ablated[u].Data[i]);
                }
                return mixed;
            });
        }

        // Columns that read what is not known yet do not matter yet.
        LiteralRun Run(int reader) => model.Run(example.Clean, (_, node, computed) => node < known.Count ? known[node] : computed, (tape, column, stream, _) => model.Graph.SourcesBefore(new(column)) <= known.Count ? Input(tape, column, reader) : stream);

        while (known.Count < model.Graph.Sources)
        {
            var output = new Value(example.Clean.Length, model.Width);
            foreach (var span in spanOf.Distinct())
            {
                var run = Run(span);
                for (var i = 0; i < output.Data.Length; i++)
                {
                    if (spanOf[i / model.Width] == span) output.Data[i] = run.Outputs[known.Count].Data[i];
                }
            }
            known.Add(output);
        }
        return Run(spanOf[^1]).LastLogits;
    }

    /// <summary>What every column reads where everything is ablated.</summary>
    private IReadOnlyList<Value> AblatedInputs(Example example) => LiteralCircuit.Run(model, example, (_, _) => false, ablation(example)).Inputs;

    private static Value Rows(Value x, Value y, Func<int, bool> takesY)
    {
        var mixed = new Value(x.Rows, x.Columns);
        for (var i = 0; i < mixed.Data.Length; i++) mixed.Data[i] = (takesY(i / x.Columns) ? y : x).Data[i];
        return mixed;
    }
}
