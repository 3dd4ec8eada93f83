using System.Numerics;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Attribution;

/// <summary>One micro-batch of information flow routes: a clean run that keeps every node's output and every stream that is read.</summary>
internal sealed class InformationFlowRun : PassHook
{
    private readonly Transformer model;
    private readonly Batch batch;
    private readonly WholePromptRun run;
    private readonly Tensor outputs;
    private readonly bool unnormed;
    private readonly Tensor normed;
    private readonly Tensor inverseSigma;

    /// <summary>Lays out a run. With <paramref name="unnormed"/> a head is what it puts out itself, though a norm of it joins the stream.</summary>
    public InformationFlowRun(Transformer model, Arena arena, bool measuring, Batch batch, bool unnormed)
    {
        this.unnormed = unnormed;
        this.model = model;
        this.batch = batch;
        var c = model.Config;
        run = new WholePromptRun(model, arena, measuring, batch, batch.CleanTokens, everyRow: true, keepLayers: true);
        run.Activations.Keep(arena, mlpOutputs: false);
        outputs = arena.Matrix(checked(model.Graph.Sources * batch.Rows), c.Width);
        if (c.NormsOutputs) (normed, inverseSigma) = (arena.Matrix(batch.Rows, c.Width), arena.Matrix(batch.Rows, 1));
    }

    /// <summary>The bytes that a run of this shape takes.</summary>
    public static long Measure(Transformer model, Batch batch, bool unnormed)
    {
        var arena = Arena.Measuring();
        _ = new InformationFlowRun(model, arena, measuring: true, batch, unnormed);
        return arena.Peak;
    }

    public void Execute() => run.Execute(this);

    public override void Input(Tensor embeddings) => model.Device.Copy(embeddings, Output(ModelGraph.InputNode));

    public override void Context(int l, Tensor contexts)
    {
        var dh = model.Config.HeadDim;
        for (var h = 0; h < model.Config.Heads; h++)
        {
            model.AttentionBlock(l).HeadOutput(contexts.ColumnRange(h * dh, dh), h, Output(model.Graph.HeadNode(l, h)), add: false);
        }
    }

    /// <summary>Of the norm of what the heads put out together, each has its part by the divisor that they share: γ⊙o_h/ρ.</summary>
    public override void AttentionOutput(int l, Tensor output)
    {
        if (unnormed) return;
        var (norm, heads) = (model.AttentionBlock(l).OutputNorm, outputs.RowRange(model.Graph.HeadNode(l, 0) * batch.Rows, model.Config.Heads * batch.Rows));
        norm.Forward(output, normed, inverseSigma: inverseSigma);
        model.Device.NormDifferential(heads, norm.Scale, default, inverseSigma, norm.Centred, heads);
    }

    public override void Mlp(int l, Tensor outputs) => model.Device.Copy(outputs, Output(model.Graph.MlpNode(l)));

    /// <summary>The scores [F·N] of example <paramref name="e"/>.</summary>
    public float[] Scores(int e)
    {
        var (graph, width) = (model.Graph, model.Config.Width);
        var (first, rows) = (run.Offsets[e], run.Offsets[e + 1] - run.Offsets[e]);
        var z = graph.AllSources.Select(u => Read(Output(u).RowRange(first, rows))).ToArray();
        var scores = new double[graph.Pairs];
        for (var l = 0; l <= graph.Layers; l++)
        {
            if (l == graph.Layers)
            {
                Add(run.Activations.Stream.Last, [graph.LogitsColumn]);
                continue;
            }
            Add(run.Activations.Layers[l].KeptAttentionStream, [.. Enumerable.Range(0, graph.Heads).SelectMany(h => graph.ColumnsOf(graph.HeadNode(l, h)))]);
            Add(run.Activations.Layers[l].KeptMlpStream, [graph.MlpColumn(l)]);
        }
        return [.. scores.Select(s => (float)s)];

        void Add(Tensor stream, ColumnId[] readers)
        {
            var r = Read(stream.RowRange(first, rows));
            var proximity = new double[graph.SourcesBefore(readers[0])];
            for (var t = 0; t < rows; t++)
            {
                var row = r.AsSpan(t * width, width);
                var norm = Norm(row, default);
                for (var u = 0; u < proximity.Length; u++) proximity[u] = Math.Max(0, norm - Norm(row, z[u].AsSpan(t * width, width)));
                var total = proximity.Sum();
                if (total == 0) continue;
                for (var u = 0; u < proximity.Length; u++)
                {
                    var share = proximity[u] / total / rows;
                    foreach (var v in readers) scores[graph.Edge(new(u), v)] += share;
                }
            }
        }
    }

    private Tensor Output(NodeId source) => outputs.RowRange(source * batch.Rows, batch.Rows);

    private float[] Read(Tensor x)
    {
        var values = new float[x.Count];
        model.Device.Download(x, values);
        return values;
    }

    /// <summary>‖r − z‖₁, or ‖r‖₁ where z is empty, in double: the difference of two such norms is a small part of either.</summary>
    private static double Norm(ReadOnlySpan<float> r, ReadOnlySpan<float> z)
    {
        var (sum, i) = (Vector<double>.Zero, 0);
        for (; i <= r.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var x = new Vector<float>(r[i..]);
            if (!z.IsEmpty) x -= new Vector<float>(z[i..]);
            Vector.Widen(Vector.Abs(x), out var low, out var high);
            sum += low + high;
        }
        var total = Vector.Sum(sum);
        for (; i < r.Length; i++) total += Math.Abs(z.IsEmpty ? r[i] : r[i] - z[i]);
        return total;
    }
}
