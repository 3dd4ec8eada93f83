using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Attribution;

/// <summary>
/// Points of which each drops the gradient of one layer (<see cref="PathPoint.Dropped"/>), and their scores: of every point the magnitude,
/// averaged over those points that do not drop the layer in which the gradient is taken — for an edge the layer of the input that it
/// leads into, for a node or neuron its own. The logits and the input are in no layer. By span, the magnitude is of what a span's rows give.
/// </summary>
internal sealed class DroppedLayers : PathExtension
{
    private readonly PathRun run;
    private readonly ModelGraph graph;
    // By example; of whole prompts, then of every span.
    private readonly double[][] edges;
    private readonly float[] scores;
    private readonly float[] bySpan;
    private readonly NeuronSums? ownNodes;
    private readonly NeuronSums? ownNeurons;
    private readonly NeuronSums? ownSpanNodes;

    /// <summary>Room for the scores of some examples at a level, or over so many spans.</summary>
    public DroppedLayers(PathRun run, Transformer model, Arena arena, bool measuring, Rows rows, ScoreLevel level, int examples, int spans)
    {
        this.run = run;
        graph = model.Graph;
        (scores, bySpan) = measuring ? ([], []) : (new float[graph.Pairs], new float[spans * graph.Pairs]);
        edges = measuring ? [] : [.. Enumerable.Range(0, examples).Select(_ => new double[scores.Length + bySpan.Length])];
        if (level != ScoreLevel.Edge) ownNodes = new(graph, 1, examples);
        if (level == ScoreLevel.Neuron) ownNeurons = new(graph, model.Config.Width, examples);
        if (level != ScoreLevel.Edge && spans > 0) ownSpanNodes = new(graph, spans, examples);
        Gradients = new Drop(model, arena, rows);
    }

    public override Drop Gradients { get; }

    public override void Expect(PathStep step) => Gradients.Layer = step.Points[0].Dropped;

    /// <summary>Takes the scores of the point that drops a layer. The gradient in that layer, and with it every score there, is zero.</summary>
    public override bool Contracted(int steps, PathPoint last)
    {
        var layer = last.Dropped;
        for (var e = 0; e < edges.Length; e++)
        {
            run.ReadContracted(e, scores);
            foreach (var u in graph.AllSources)
            {
                var sum = 0.0;
                foreach (var edge in graph.OutEdges(u))
                {
                    edges[e][edge] += Math.Abs(scores[edge]);
                    sum += scores[edge];
                }
                if (LayerOf(u) != layer) ownNodes?.Add(u, 0, Math.Abs(sum) * Share(LayerOf(u)));
            }
            if (bySpan.Length == 0) continue;
            run.ReadContractedSpans(e, bySpan);
            for (var i = 0; i < bySpan.Length; i++) edges[e][scores.Length + i] += Math.Abs(bySpan[i]);
            if (ownSpanNodes is not null) AddSpanNodes(ownSpanNodes, layer);
        }
        if (ownNeurons is null) return true;
        run.ReadProducts((u, products, offsets) =>
        {
            if (LayerOf(u) != layer) ownNeurons.Add(u, products, offsets, (_, sum) => Math.Abs(sum) * Share(LayerOf(u)));
        });
        return true;
    }

    public override void Read(int example, Span<float> scores) => ReadMeans(edges[example].AsSpan(0, graph.Pairs), scores);

    public override void ReadSpans(int example, Span<float> scores)
    {
        for (var first = 0; first < bySpan.Length; first += graph.Pairs) ReadMeans(edges[example].AsSpan(graph.Pairs + first, graph.Pairs), scores.Slice(first, graph.Pairs));
    }

    private void ReadMeans(ReadOnlySpan<double> magnitudes, Span<float> scores)
    {
        scores.Clear();
        foreach (var v in graph.AllColumns)
        {
            var share = Share(v == graph.LogitsColumn ? null : graph.DestinationOf(v).Layer);
            foreach (var edge in graph.InEdges(v)) scores[edge] = (float)(magnitudes[edge] * share);
        }
    }

    private void AddSpanNodes(NeuronSums nodes, int? layer)
    {
        foreach (var u in graph.AllSources.Where(u => LayerOf(u) != layer))
        {
            for (var first = 0; first < bySpan.Length; first += graph.Pairs)
            {
                var sum = 0.0;
                foreach (var edge in graph.OutEdges(u)) sum += bySpan[first + edge];
                nodes.Add(u, first / graph.Pairs, Math.Abs(sum) * Share(LayerOf(u)));
            }
        }
    }

    public override bool AddTo(NeuronSums? nodes, NeuronSums? neurons, NeuronSums? spanNodes)
    {
        if (ownNodes is not null) nodes!.Add(ownNodes);
        if (ownNeurons is not null) neurons!.Add(ownNeurons);
        if (ownSpanNodes is not null) spanNodes!.Add(ownSpanNodes);
        return true;
    }

    private int? LayerOf(NodeId source) => source == ModelGraph.InputNode ? null : graph.PlaceOf(source).Layer;

    /// <summary>What each of the points counts that do not drop this layer.</summary>
    private double Share(int? layer) => 1.0 / (layer is null ? graph.Layers : graph.Layers - 1);

    /// <summary>Lets no gradient through the heads and the MLP of one layer, and leaves what the forward pass kept as it is: the next point has the same.</summary>
    internal sealed class Drop(Transformer model, Arena arena, Rows rows) : GradientHook
    {
        private readonly Tensor gateUp = model.Config.Gated ? arena.Matrix(rows.All, 2 * model.Config.MlpWidth) : default;

        /// <summary>The layer; null: none.</summary>
        public int? Layer { get; set; }

        public override Tensor Gate(Tensor gate)
        {
            if (gateUp.IsNone) return gate;
            var copy = gateUp.RowRange(0, gate.Rows);
            model.Device.Copy(gate, copy);
            return copy;
        }

        public override void Context(int l, Tensor gradient) => Clear(l, gradient);

        public override void MlpInput(int l, Tensor gradient) => Clear(l, gradient);

        private void Clear(int l, Tensor gradient)
        {
            if (l == Layer) model.Device.Fill(gradient, 0);
        }
    }
}
