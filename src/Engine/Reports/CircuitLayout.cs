using Faith.Engine.Graphs;

namespace Faith.Engine.Reports;

/// <summary>The box of a node; x and y are its middle, y grows downwards.</summary>
internal sealed record NodeBox(NodeId Node, string Name, int Layer, bool IsHead, double Width)
{
    public const double Height = 30;
    public double X { get; set; }
    public double Y { get; set; }
    public double Left => X - Width / 2;
    public double Right => X + Width / 2;
    public double Top => Y - Height / 2;
    public double Bottom => Y + Height / 2;

    /// <summary>Where an input of a head is, from the middle of the box.</summary>
    public static double PortOffset(InputKind kind) => kind switch { InputKind.Query => -17, InputKind.Value => 17, _ => 0 };
}

/// <summary>
/// Where the nodes of a drawing go: a transformer from the bottom up. Each layer has a row of heads and, above it, a row with its
/// MLP (beside the heads where both read the same stream); rows without nodes are left out. Within a row nodes are put near what
/// they are connected with.
/// </summary>
internal sealed class CircuitLayout
{
    private const int Sweeps = 16;
    private readonly double gap;

    public CircuitLayout(DrawnCircuit drawn)
    {
        var graph = drawn.Graph;
        var rows = new SortedDictionary<int, List<NodeBox>>();
        foreach (var node in drawn.Nodes)
        {
            drawn.Cancellation.ThrowIfCancellationRequested();
            var (kind, layer, _) = graph.PlaceOf(node);
            var (isEnd, isHead) = (kind is NodeKind.Input or NodeKind.Logits, kind == NodeKind.Head);
            var name = graph.NodeName(node);
            // The bars of input and logits are wide enough for their many edges to stand apart.
            var degree = isEnd ? drawn.Edges.Count(e => e.Source == node || e.Target == node) : 0;
            var width = isEnd ? Math.Clamp(degree * 12, 90, 560) : Math.Max(isHead ? 56 : 60, SvgText.Width(name, 12) + 12);
            var row = 2 * layer + (isHead || isEnd || graph.Parallel ? 0 : 1);
            if (!rows.TryGetValue(row, out var boxes)) rows.Add(row, boxes = []);
            boxes.Add(new(node, name, layer, isHead, width));
            Boxes.Add(node, boxes[^1]);
        }
        Rows = [.. rows.Values];
        // A small circuit has room to spread, which opens lanes for its long edges.
        gap = Math.Clamp(900 / Rows.Max(r => r.Count) - 60, 44, 120);
        PlaceAcross(drawn);
        PlaceUpwards(drawn);
    }

    /// <summary>The rows from the bottom up.</summary>
    public IReadOnlyList<List<NodeBox>> Rows { get; }
    /// <summary>Node number to box.</summary>
    public Dictionary<NodeId, NodeBox> Boxes { get; } = [];
    /// <summary>Extent of the boxes; the left edge and the top one are at 0.</summary>
    public double Width { get; private set; }
    /// <summary>Extent of the boxes; the left edge and the top one are at 0.</summary>
    public double Height { get; private set; }

    private void PlaceAcross(DrawnCircuit drawn)
    {
        foreach (var row in Rows) Separate(row, [.. row.Select(_ => 0.0)], [.. row.Select(_ => 1.0)]);
        var below = drawn.Edges.ToLookup(e => e.Target);
        var above = drawn.Edges.ToLookup(e => e.Source);
        for (var sweep = 0; sweep < Sweeps; sweep++)
        {
            var upwards = sweep % 2 == 0;
            foreach (var row in upwards ? Rows : Rows.Reverse())
            {
                var wanted = new Dictionary<NodeBox, (double X, double Weight)>();
                foreach (var box in row)
                {
                    drawn.Cancellation.ThrowIfCancellationRequested();
                    double sum = 0, weight = 0;
                    // A sweep looks mainly at the side it comes from; the other side keeps it from drifting.
                    Pull(below[box.Node].Select(e => (Boxes[e.Source], e)), upwards ? 1 : 0.3);
                    Pull(above[box.Node].Select(e => (Boxes[e.Target], e)), upwards ? 0.3 : 1);
                    wanted.Add(box, weight > 0 ? (sum / weight, weight) : (box.X, 0.1));

                    void Pull(IEnumerable<(NodeBox Other, DrawnEdge Edge)> edges, double factor)
                    {
                        foreach (var (other, edge) in edges)
                        {
                            var w = factor * (0.15 + edge.Strength);
                            sum += w * other.X;
                            weight += w;
                        }
                    }
                }
                row.Sort((a, b) => wanted[a].X != wanted[b].X ? wanted[a].X.CompareTo(wanted[b].X) : a.Node.CompareTo(b.Node));
                Separate(row, [.. row.Select(b => wanted[b].X)], [.. row.Select(b => wanted[b].Weight)]);
            }
        }
        var left = Boxes.Values.Min(b => b.Left);
        foreach (var box in Boxes.Values) box.X -= left;
        Width = Boxes.Values.Max(b => b.Right);
    }

    /// <summary>
    /// Puts a row's boxes as near to where they want to be as their widths and the gaps between them allow: least squares with
    /// fixed order, which is an isotonic regression (pool adjacent violators).
    /// </summary>
    private void Separate(List<NodeBox> row, double[] wanted, double[] weights)
    {
        var offsets = new double[row.Count];
        for (var i = 1; i < row.Count; i++) offsets[i] = offsets[i - 1] + (row[i - 1].Width + row[i].Width) / 2 + gap;
        var pools = new Stack<(double Mean, double Weight, int Count)>();
        for (var i = 0; i < row.Count; i++)
        {
            var pool = (Mean: wanted[i] - offsets[i], Weight: weights[i], Count: 1);
            while (pools.TryPeek(out var last) && last.Mean >= pool.Mean)
            {
                pools.Pop();
                var weight = last.Weight + pool.Weight;
                pool = ((last.Mean * last.Weight + pool.Mean * pool.Weight) / weight, weight, last.Count + pool.Count);
            }
            pools.Push(pool);
        }
        for (var i = row.Count; pools.TryPop(out var pool);)
        {
            for (var k = 0; k < pool.Count; k++) row[--i].X = pool.Mean + offsets[i];
        }
    }

    private void PlaceUpwards(DrawnCircuit drawn)
    {
        var rowOf = Rows.SelectMany((row, i) => row.Select(b => (b.Node, i))).ToDictionary(p => p.Node, p => p.i);
        var crossing = new int[Rows.Count];
        foreach (var edge in drawn.Edges)
        {
            for (var r = rowOf[edge.Source]; r < rowOf[edge.Target]; r++) crossing[r]++;
        }
        double y = 0;
        for (var r = 0; r < Rows.Count; r++)
        {
            foreach (var box in Rows[r]) box.Y = y;
            // More room where more edges turn.
            y -= NodeBox.Height + Math.Min(32 + 3 * Math.Sqrt(crossing[r]), 70);
        }
        var top = Boxes.Values.Min(b => b.Top);
        foreach (var box in Boxes.Values) box.Y -= top;
        Height = Boxes.Values.Max(b => b.Bottom);
    }
}
